"""English messages of the course commands: presenting, exporting, looking after the installation."""

MESSAGES = {
    "present.ready": "The slides are in {path}. Starting JupyterLab …",
    "present.keys": "Space, PgDn or a clicker runs what is shown and goes on; ← → change slides; N shows your notes, W in a window of their own; Esc ends the slides.",
    "present.no-file": "There is no notebook {path}.",
    "present.no-chapter": "There is no chapter {name!r}. There are: {known}. Give a number such as 01, a name, or the path of a notebook.",
    "present.notes": "Notes",
    "present.notes.title": "Show or hide your notes to this screen (key N)",
    "present.none": "There are no notes to this screen.",
    "present.next": "Next: {title}",
    "present.run": "Run all",
    "present.run.title": "Run all cells that have not run yet",
    "present.window": "Notes in a window",
    "present.window.title": "Show your notes in a window of their own, for a second screen (key W)",
    "present.screen": "{at} of {count}",
    "present.running": "running …",
    "present.time": "{minutes} min",
}
