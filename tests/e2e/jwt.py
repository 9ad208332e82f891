"""Makes keys and JWTs as an application would, with python3-cryptography alone: for the tests of signed logins."""
import base64
import hashlib
import hmac
import json
import os
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A key of the application. `jwk` is what the broker gets."""

    def __init__(self, alg, kid):
        self.alg, self.kid = alg, kid
        self.secret = {"EdDSA": ed25519.Ed25519PrivateKey.generate, "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
                       "RS256": lambda: rsa.generate_private_key(65537, 2048), "HS256": lambda: os.urandom(32)}[alg]()
        self.jwk = {"alg": alg, "kid": kid, **getattr(self, "_" + alg)()}

    def _EdDSA(self):
        raw = self.secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}

    def _ES256(self):
        point = self.secret.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)}

    def _RS256(self):
        public = self.secret.public_key().public_numbers()
        return {"kty": "RSA", "n": number(public.n), "e": number(public.e)}

    def _HS256(self):
        return {"kty": "oct", "k": encoded(self.secret)}

    def sign(self, data):
        if self.alg == "EdDSA":
            return self.secret.sign(data)
        if self.alg == "ES256":
            r, s = decode_dss_signature(self.secret.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if self.alg == "RS256":
            return self.secret.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return hmac.new(self.secret, data, hashlib.sha256).digest()

    def token(self, sub="carol", roles=("member",), seconds=600, header=None, **claims):
        """A JWT that is valid for so many seconds; claims that are None are left out."""
        claims = {"sub": sub, "roles": roles, "exp": int(time.time()) + seconds, **claims}
        return self.raw(json.dumps({name: value for name, value in claims.items() if value is not None}), header)

    def raw(self, claims, header=None):
        """A JWT with these texts in it."""
        head = json.dumps({"alg": self.alg, "kid": self.kid, "typ": "JWT", **(header or {})})
        text = f"{encoded(head.encode())}.{encoded(claims.encode())}"
        return f"{text}.{encoded(self.sign(text.encode()))}"


def key_set(*keys):
    return json.dumps({"keys": [key.jwk for key in keys]})
