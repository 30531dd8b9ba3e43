"""Messages of the plugin protocol, generated from plugins/proto/calyx/plugin/v1/plugin.proto (see `generate.sh`)."""
