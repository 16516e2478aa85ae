#!/usr/bin/env bash
# Bundle the partyserver and become workerd: party.sh PORT DIRECTORY
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
modules="$here/../node_modules"
"$modules/.bin/esbuild" "$here/party.mjs" --bundle --format=esm --log-level=error \
	--external:cloudflare:workers '--external:node:*' --outfile="$2/party.bundle.mjs"
cp "$here/party.capnp" "$2/"
mkdir -p "$2/disk"
exec "$modules/@cloudflare/workerd-linux-64/bin/workerd" serve "$2/party.capnp" \
	--import-path="$modules" --socket-addr "http=127.0.0.1:$1" --directory-path "disk=$2/disk"
