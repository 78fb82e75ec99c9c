"""Formulas as MathML, which browsers show themselves: no script, and screen readers read it."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util.math import get_node_equation_number


def mathml(node: nodes.math | nodes.math_block, as_block: bool = False) -> str:
    """A formula's MathML. Raises docutils.utils.math.MathError for a command that is unknown."""
    # Docutils knows \ldots alone.
    return tex2mathml(node.astext().replace(r"\dots", r"\ldots"), as_block=as_block)


def inline(self, node: nodes.math) -> None:
    """A formula in a line of text."""
    self.body.append(mathml(node))
    raise nodes.SkipNode


def block(self, node: nodes.math_block) -> None:
    """A formula in a line of its own."""
    if get_node_equation_number(self, node):
        raise ValueError("numbered formulas are not supported")
    self.body.append(f'<div class="formula">{mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    """Sphinx calls this when it loads the extension."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
