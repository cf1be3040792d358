#!/bin/bash
exec /usr/bin/rpk "$@"
