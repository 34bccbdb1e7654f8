#!/bin/sh
# The build arguments that say what the image holds, from the git checkout that it is built
# from: the same commit gives the same labels. SOURCE_DATE_EPOCH sets another date.
#   docker build $(containers/labels.sh) -t spikefocus .
set -eu
cd "$(dirname "$0")/.."
created=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
echo "--build-arg VERSION=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' pipeline/__init__.py)"
echo "--build-arg REVISION=$(git rev-parse HEAD)"
echo "--build-arg CREATED=$(date -u -d "@$created" +%Y-%m-%dT%H:%M:%SZ)"
