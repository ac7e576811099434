"""The engine's marks among property values (pulumi: sdk/go/common/resource, plugin/rpc.go)."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # stands for a value that is not known yet
SIGNATURE = "4dabf18193072939515e22adb298388d"  # the key of a dictionary that stands for a secret
