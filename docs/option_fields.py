"""A Griffe extension: the description in ``img2img.options.field(default, "description", ...)`` is the field's documentation."""

import ast
from typing import Any

from griffe import Attribute, Docstring, ExprCall, ExprKeyword, Extension


class OptionFields(Extension):
    """Reads the calls, so that the site is built without importing img2img."""

    def on_attribute_instance(self, *, attr: Attribute, **kwargs: Any) -> None:
        """Give ``attr`` the default and the description that ``field`` was called with."""
        call = attr.value
        if isinstance(call, ExprCall) and str(call.function) == "field" and len(call.arguments) >= 2:
            default, description = call.arguments[:2]
            if isinstance(default, ExprKeyword):  # of dataclasses
                return
            attr.value = default
            attr.docstring = Docstring(ast.literal_eval(str(description)), parent=attr)
