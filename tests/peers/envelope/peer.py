"""The published package behind a line protocol: one JSON array in, one value out, until the input ends."""

import json
import sys

from protocol_7h3 import http, keys, protocol, queue, webhook


class Registry(http.KeyRegistry):
    def __init__(self, public, secrets):
        self.public, self.secrets = public, secrets

    def get_public_key(self, sender_id):
        return self.public.get(sender_id)

    def get_shared_secret(self, key_id):
        return self.secrets.get(key_id)


def queue_verify(message, public):
    try:
        return queue.verify_queue_message(message, public)["payload"]
    except ValueError as error:
        return {"refused": str(error)}


def http_verify(headers, public, secrets):
    ok, _, reason = http.verify_http_envelope(headers, Registry(public, secrets))
    return {"ok": ok, "reason": reason}


def revoked(document):
    registry = keys.RevocationRegistry()
    registry.import_list(document)
    return registry.get_list()


COMMANDS = {
    "canonical": lambda envelope: protocol.canonicalize_envelope(envelope),
    "validate": lambda envelope, now: [
        [d.level, d.message] for d in protocol.validate_envelope(envelope, now_ms=now)
    ],
    "sign": lambda envelope, private, kid: protocol.sign_envelope_ed25519(envelope, private, kid),
    "verify": lambda envelope, public: protocol.verify_envelope_ed25519(envelope, public),
    "sign_hmac": lambda envelope, secret, kid: protocol.sign_envelope_hmac(envelope, secret, kid),
    "verify_hmac": lambda envelope, secret: protocol.verify_envelope_hmac(envelope, secret),
    "compact": lambda envelope: protocol.encode_envelope_compact(envelope),
    "decode": lambda text: protocol.decode_envelope(text),
    "http_sign": lambda sender, private, recipient, content: http.build_signed_request_headers(
        sender, private, recipient=recipient, content=content
    ),
    "http_verify": http_verify,
    "queue_sign": lambda payload, private, sender, recipient: queue.sign_queue_message(
        payload, private, sender, recipient=recipient
    ),
    "queue_verify": queue_verify,
    "webhook_sign": lambda body, private: webhook.sign_webhook(body, private),
    "webhook_verify": lambda body, headers, public: webhook.verify_webhook(body, headers, public),
    "webhook_sign_hmac": lambda body, secret: webhook.sign_webhook_hmac(body, secret),
    "webhook_verify_hmac": lambda body, headers, secret: webhook.verify_webhook_hmac(body, headers, secret),
    "keys": lambda text: keys.WellKnownKeysDocument.from_json(text).to_json(),
    "revoked": revoked,
}

for line in sys.stdin:
    command, arguments = json.loads(line)
    print(json.dumps(COMMANDS[command](*arguments)), flush=True)
