"""Authorisation: may this user do that? One file per authorizer."""
