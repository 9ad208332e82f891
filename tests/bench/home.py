"""A configuration folder for the benchmarks alone. `zrelay` would else read the user's settings, and note the keys of brokers that live for seconds
only: a later broker on the same port has another key, and is refused."""
import atexit
import os
import shutil
import tempfile


def own():
    """From now on programs that this one starts have an empty home of their own, until it ends. Returns the folder."""
    folder = tempfile.mkdtemp(prefix="zrelay-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("ZRELAY_")]:
        del os.environ[name]
    os.environ.update(HOME=folder, XDG_CONFIG_HOME=folder)
    return folder
