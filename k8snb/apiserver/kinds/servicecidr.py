"""Service CIDRs: the ranges that cluster IPs are taken from."""

from __future__ import annotations

from k8snb.api.types import networking_v1 as networking
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation.address_warnings import cidr_warnings
from k8snb.apiserver.validation.addresses import is_ipv4, parse_cidr, strict_cidr
from k8snb.apiserver.validation.field import SPEC, invalid, required
from k8snb.apiserver.validation.metadata import IMMUTABLE, Errors

_CIDRS = SPEC / "cidrs"


class ServiceCIDRStrategy(Kind):
    """Decisions about service CIDRs."""

    serves = (("networking.k8s.io/v1", "ServiceCIDR"),)
    has_status = True

    def check(self, obj: networking.ServiceCIDR, errors: Errors) -> None:
        """One range, or one of each family."""
        ranges = obj.spec.cidrs
        if not ranges:
            errors.append(required(_CIDRS, "at least one CIDR required"))
            return
        if len(ranges) > 2:
            errors.append(invalid(_CIDRS, obj.spec, "may only hold up to 2 values"))
            return
        for index, text in enumerate(ranges):
            strict_cidr(text, _CIDRS[index], errors)
        families = [is_ipv4(parsed[0]) for text in ranges if (parsed := parse_cidr(text)) is not None]
        if families in ([True, True], [False, False]):
            detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
            errors.append(invalid(_CIDRS, ranges, detail))

    def check_update(self, new: networking.ServiceCIDR, old: networking.ServiceCIDR, errors: Errors) -> None:
        """Ranges stay; a second family may be added."""
        after, before = new.spec.cidrs, old.spec.cidrs
        if len(after) == len(before):
            for index, text in enumerate(after):
                if text != before[index]:
                    errors.append(invalid(_CIDRS[index], text, IMMUTABLE))
        elif len(before) == 1 and len(after) == 2:
            if after[0] != before[0]:
                errors.append(invalid(_CIDRS[0], after[0], IMMUTABLE))
            self.check(new, errors)
        else:
            errors.append(invalid(_CIDRS, after, IMMUTABLE))

    def check_status(self, new: networking.ServiceCIDR, old: networking.ServiceCIDR, errors: Errors) -> None:
        """Conditions are not judged."""

    def warnings(self, obj: networking.ServiceCIDR, old: networking.ServiceCIDR | None = None) -> tuple[str, ...]:
        """Ranges that should be written otherwise."""
        if old is not None:
            return ()
        return tuple(text for index, cidr in enumerate(obj.spec.cidrs) for text in cidr_warnings(cidr, _CIDRS[index]))
