// Package e2e tests the plugin in the real Fluent Bit, with the example
// configuration, on files as Wazuh writes them. It is built with the tag e2e,
// and fails where there is no Fluent Bit.
package e2e
