#!/bin/sh
# Make ./configure from configure.ac (after a fresh clone).
cd "$(dirname "$0")" && exec autoreconf --install --force
