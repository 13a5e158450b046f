#!/bin/sh
set -e
# alerts.json can be read by the group wazuh, which is there on a manager.
if getent group wazuh >/dev/null; then
	usermod --append --groups wazuh fluent-bit
else
	echo "fluent-bit-misp: there is no group wazuh yet. Once Wazuh's manager is installed: usermod -aG wazuh fluent-bit"
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	echo "fluent-bit-misp: when the configuration is ready: systemctl restart fluent-bit"
fi
