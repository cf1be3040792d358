#!/bin/bash
# Gives every tool that kafka-tool.sh knows its name.
set -euo pipefail
cd /opt/kafka/bin
sed -n 's/^\(kafka-[a-z-]*\.sh\)).*/\1/p' kafka-tool.sh | while read -r name; do ln -sf kafka-tool.sh "$name"; done
