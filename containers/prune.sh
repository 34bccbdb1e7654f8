#!/bin/sh
# Deletes from the virtual environment $1 what a running spikefocus never reads.
set -eu
packages=$(echo "$1"/lib/python3.*/site-packages)
# Headers and CMake files for compiling against torch, and its C++ test programs; but
# torch asks for its shared-memory manager when it is imported.
rm -rf "$packages"/torch/include "$packages"/torch/share "$packages"/torch/test
find "$packages"/torch/bin -type f ! -name torch_shm_manager -delete
# The packages' own tests. Data folders of that name would be missed by the demo inside.
find "$packages" -type d -name tests -prune -exec rm -rf {} +
# Nothing is installed into an image that is done.
rm -rf "$packages"/pip "$packages"/pip-*.dist-info "$1"/bin/pip*
