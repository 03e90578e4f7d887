// node .ci/pyodide.mjs PACKAGES DIRECTORY SCRIPT [ARG...]
//
// Runs a script of the directory in CPython for WebAssembly, from the npm package `pyodide` in
// PACKAGES, with warnings as errors. Python sees the directory as /project. The script cannot start
// processes.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [packages, root, script, ...args] = process.argv.slice(2);
const path = createRequire(packages + "/").resolve("pyodide/pyodide.mjs");
const { loadPyodide } = await import(pathToFileURL(path));

const python = await loadPyodide();
python.FS.mkdirTree("/project");
python.FS.mount(python.FS.filesystems.NODEFS, { root }, "/project");
python.globals.set("argv", python.toPy([`/project/${script}`, ...args]));
const status = python.runPython(`
import runpy, sys, warnings

def run(argv):
    # Not for Pyodide's own start, which warns
    warnings.simplefilter("error")
    sys.warnoptions.append("error")
    sys.dont_write_bytecode = True
    sys.argv = argv
    print("Python", sys.version.split()[0])
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0

run(list(argv))
`);
process.exit(status);
