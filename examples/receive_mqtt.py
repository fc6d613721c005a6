"""Print who enters and who leaves on every device, from what `pose-edge run --mqtt` publishes.

    pose-edge run --mqtt mqtt://192.168.1.10
    python examples/receive_mqtt.py 192.168.1.10

Needs `pip install 'paho-mqtt>=2.1'`. A port may follow the address; the default is 1883.
"""

from __future__ import annotations

import json
import sys

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

EVENTS = "pose-edge/+/events"
USUAL_PORT = 1883


def subscribe(
    client: Client, _data: None, _flags: ConnectFlags, _reason: ReasonCode, _more: Properties | None
) -> None:
    """Subscribe to the events; called after every connection and reconnection."""
    client.subscribe(EVENTS)
    print("listening", flush=True)


def tell(_client: Client, _data: None, message: MQTTMessage) -> None:
    """Print an event with the name of its device."""
    event, device = json.loads(message.payload), message.topic.split("/")[1]
    print(f"{device}: {event['type']} {event.get('id', '')}".rstrip(), flush=True)


def main() -> None:
    """Print events until Ctrl-C; paho reconnects by itself after a broken connection."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect, client.on_message = subscribe, tell
    client.connect(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else USUAL_PORT)
    client.loop_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
