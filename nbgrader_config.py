"""nbgrader for this course; ``K8SNB_LANG`` (``en`` or ``zh``) says which exercises, else the system's language does."""

from k8snb.grading.nbgrader import configure
from k8snb.locale import canonical, current

c = get_config()  # noqa: F821  # nbgrader defines it
configure(c, "zh" if canonical(current()) == "zh_CN" else "en")
