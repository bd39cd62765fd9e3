"""All kubectl commands, in the order in which kubectl's help lists them; a new command is one file and one line here."""

from __future__ import annotations

from k8snb.kubectl.call import Command, Group
from k8snb.kubectl.commands.apply import APPLY_GROUP
from k8snb.kubectl.commands.auth import AUTH_GROUP
from k8snb.kubectl.commands.copying import CP
from k8snb.kubectl.commands.create import CREATE_GROUP
from k8snb.kubectl.commands.delete import DELETE
from k8snb.kubectl.commands.describe import DESCRIBE
from k8snb.kubectl.commands.events import EVENTS
from k8snb.kubectl.commands.execute import EXEC
from k8snb.kubectl.commands.explain import EXPLAIN
from k8snb.kubectl.commands.forwarding import PORT_FORWARD
from k8snb.kubectl.commands.get import GET
from k8snb.kubectl.commands.logs import ATTACH, LOGS, PROXY
from k8snb.kubectl.commands.metadata import ANNOTATE, LABEL
from k8snb.kubectl.commands.nodes import CORDON, DRAIN, TAINT, UNCORDON
from k8snb.kubectl.commands.patch import EDIT, PATCH
from k8snb.kubectl.commands.replace import DIFF, REPLACE
from k8snb.kubectl.commands.resources import API_RESOURCES, API_VERSIONS, CLUSTER_INFO, CONFIG_GROUP, VERSION
from k8snb.kubectl.commands.rollout import ROLLOUT_GROUP
from k8snb.kubectl.commands.run_pod import EXPOSE, RUN
from k8snb.kubectl.commands.scale import AUTOSCALE, SCALE
from k8snb.kubectl.commands.setting import SET_GROUP
from k8snb.kubectl.commands.top import TOP_GROUP
from k8snb.kubectl.commands.wait import WAIT

COMMANDS: tuple[Command | Group, ...] = (
    CREATE_GROUP,
    EXPOSE,
    RUN,
    SET_GROUP,
    EXPLAIN,
    GET,
    EDIT,
    DELETE,
    ROLLOUT_GROUP,
    SCALE,
    AUTOSCALE,
    CLUSTER_INFO,
    TOP_GROUP,
    CORDON,
    UNCORDON,
    DRAIN,
    TAINT,
    DESCRIBE,
    LOGS,
    ATTACH,
    EXEC,
    PORT_FORWARD,
    PROXY,
    CP,
    AUTH_GROUP,
    EVENTS,
    DIFF,
    APPLY_GROUP,
    PATCH,
    REPLACE,
    WAIT,
    LABEL,
    ANNOTATE,
    API_RESOURCES,
    API_VERSIONS,
    CONFIG_GROUP,
    VERSION,
)
