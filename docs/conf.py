"""How Sphinx builds the site: ``python -m sphinx -W docs build/site``, which needs no network."""

import inspect
import os
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.inspect import signature, stringify_signature
from sphinx.util.nodes import make_refnode

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import inventory  # noqa: E402
import reference_pages  # noqa: E402

import torch_keras_lstm  # noqa: E402

project = "torch_keras_lstm"
version = release = torch_keras_lstm.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autosummary_generate = False  # reference_pages.py writes the pages
maximum_signature_line_length = 88
napoleon_use_ivar = True
python_use_unqualified_type_names = True

# What docstrings and signatures name of torch's stands in inventory.py. Whoever is online may have all of its names.
intersphinx_mapping: dict[str, tuple[str, str | None]] = {
    "torch": (inventory.TORCH, str(inventory.write(DOCS / "reference" / "torch.inv")))
}
if os.environ.get("TORCH_KERAS_LSTM_DOCS_ONLINE") == "1":
    intersphinx_mapping["all-of-torch"] = (inventory.TORCH, None)
    intersphinx_mapping["python"] = ("https://docs.python.org/3/", None)

html_theme = "pydata_sphinx_theme"
html_title = "torch_keras_lstm"
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False, "show_toc_level": 2, "footer_start": [], "footer_end": []}
html_sidebars: dict[str, list[str]] = {"index": []}


def _a_star_is_a_star(_app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """``*args`` and ``(batch, *shape)`` in docstrings are meant; none of them has emphasis."""
    in_example = False
    for number, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            code = line.split("``")
            lines[number] = "``".join(
                part if place % 2 else part.replace("*", r"\*") for place, part in enumerate(code)
            )


def _the_constructor_says(
    _app: Sphinx, what: str, _name: str, obj: Any, _options: Any, _signature: str, _returns: str
) -> tuple[str, str] | None:
    """The arguments of ``__init__``, which the ``__new__`` of layers would hide."""
    if what != "class" or not inspect.isfunction(obj.__init__):
        return None
    arguments = signature(obj.__init__, bound_method=True)
    return stringify_signature(arguments, show_return_annotation=False, unqualified_typehints=True), ""


def _bases_that_have_a_page(_app: Sphinx, _name: str, obj: Any, _options: Any, bases: list[Any]) -> None:
    """The nearest ancestors that are public, or not of this package."""
    ancestors = [one for one in inspect.getmro(obj)[1:] if one not in (object, dict, tuple)]
    shown = [one for one in ancestors if id(one) in _PUBLIC or not one.__module__.startswith("torch_keras_lstm")]
    bases[:] = shown[:1]


def _page_of(app: Sphinx, env: BuildEnvironment, node: Any, content: nodes.Element) -> nodes.Element | None:
    """The page of what a docstring names by its last name alone; a warning where there is none.

    So no docstring can send its reader to something that only the source has. Annotations may name such things.
    """
    target = node.get("reftarget", "")
    written = node.get("refdomain") == "py" and isinstance(content, nodes.literal)  # by a role
    elsewhere = "." in target and not target.startswith("torch_keras_lstm.")
    if not written or elsewhere or node["reftype"] in ("meth", "attr", "exc") or " " in target:
        return None
    domain = env.get_domain("py")
    places = {
        entry.node_id: entry.docname
        for name, entry in domain.objects.items()  # type: ignore[attr-defined]
        if name.rpartition(".")[2] == target.rpartition(".")[2] and entry.objtype in ("class", "function")
    }
    if len(places) == 1:
        ((anchor, page),) = places.items()
        return make_refnode(app.builder, node["refdoc"], page, anchor, content)
    logging.getLogger(__name__).warning("`%s` has no page here", target, location=node)
    return None


def _nothing_is_missing(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no page describes: with ``-W`` the build fails then."""
    log = logging.getLogger(__name__)
    described = set(env.get_domain("py").objects)  # type: ignore[attr-defined]
    for name in sorted(reference_pages.names_to_describe() - described):
        log.warning("the API reference has nothing on `%s`: see docs/reference_pages.py", name)


reference_pages.write(DOCS / "reference")
_PUBLIC = {id(value) for _, _, value in reference_pages.public_names()}


def setup(app: Sphinx) -> None:
    """Connect the above with Sphinx."""
    app.connect("autodoc-process-docstring", _a_star_is_a_star, priority=400)  # before napoleon reads the sections
    app.connect("autodoc-process-signature", _the_constructor_says)
    app.connect("autodoc-process-bases", _bases_that_have_a_page)
    app.connect("missing-reference", _page_of, priority=900)  # after intersphinx
    app.connect("env-check-consistency", _nothing_is_missing)
