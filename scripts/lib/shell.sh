# Start of every shell script here: stands in the repository's root, with a Node that is new enough.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
if ! command -v node >/dev/null 2>&1; then
  echo 'HS_NODE_VERSION: there is no `node` on the PATH. Install Node 20.19 or newer and run again.' >&2
  exit 2
fi
node scripts/check-node.cjs || exit $?
