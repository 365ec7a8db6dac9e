"""Known holes in what ilk depends on, of the versions installed here.

python -m tests.holes
"""

import json
import subprocess
import sys


def main() -> None:
    """Fails where there is a hole, and where no list of holes could be reached: that is no audit."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--skip-editable",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout.startswith("{"):
        sys.exit(f"pip-audit could not work:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout)["dependencies"]
    looked = [package for package in told if "vulns" in package]
    holes = [(p["name"], p["version"], hole) for p in looked for hole in p["vulns"]]
    for name, version, hole in holes:
        mended = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"{name} {version}: {hole['id']}, mended in {mended}")
    passed = [p["name"] for p in told if "skip_reason" in p and p["name"] != "ilk"]
    print(f"{len(looked)} packages looked up, {len(holes)} holes, {len(passed)} not looked up")
    if not looked:
        sys.exit(
            "NOT AUDITED: the registry in use here keeps no list of known holes. Run this where PyPI is."
        )
    if passed:
        print("not looked up:", ", ".join(passed))
    sys.exit(bool(holes))


if __name__ == "__main__":
    main()
