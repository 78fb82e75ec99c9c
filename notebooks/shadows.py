"""Names the file of a learner's own that hides a module which the course needs: one called random.py, for example.

Imported before anything else. It uses only what Python itself has loaded when it starts.
"""

import os
import sys

LIBRARIES = {"IPython", "PIL", "matplotlib", "numpy", "tensorboard", "torch", "torchvision", "tqdm"}


def check() -> None:
    """Raise ImportError that names such a file, if one lies where Python looks first."""
    first = os.path.abspath(sys.path[0]) if sys.path else os.getcwd()
    for folder in {first, *([os.getcwd()] if "" in sys.path else [])}:
        if folder == os.path.dirname(os.__file__) or "-packages" in folder or not os.path.isdir(folder):
            continue  # Python's own, or what pip has installed
        for name in sorted(os.listdir(folder)):
            module, _, ending = name.partition(".")
            if ending == "py" and (module in sys.stdlib_module_names or module in LIBRARIES):
                raise ImportError(
                    f"{os.path.join(folder, name)} hides the module {module!r}, which the course needs: rename that file "
                    "and restart the kernel (Kernel > Restart)"
                )


check()
