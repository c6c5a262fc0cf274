#!/usr/bin/env bash
# The name of train_mmnet.sh in MMNet's own repository.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/train_mmnet.sh"
