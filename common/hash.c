/* SipHash under a process-wide key. */
#include "hash.h"

#include <sodium/crypto_shorthash.h>
#include <string.h>

_Static_assert(crypto_shorthash_KEYBYTES == 16, "zr_hash_seed takes a SipHash key");
_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "zr_hash folds 64 bits");

static uint8_t s_key[crypto_shorthash_KEYBYTES];

void zr_hash_seed(const uint8_t key[16]) {
    memcpy(s_key, key, sizeof s_key);
}

/* The end of MurmurHash3: each bit changes about half of all others. */
uint32_t zr_hash_number(uint64_t number) {
    uint64_t key;
    memcpy(&key, s_key, sizeof key);
    number ^= key;
    number = (number ^ number >> 33) * 0xff51afd7ed558ccdULL;
    number = (number ^ number >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return (uint32_t)(number ^ number >> 33);
}

uint32_t zr_hash(const void *data, size_t len) {
    uint8_t bytes[crypto_shorthash_BYTES];
    uint64_t hash;
    crypto_shorthash(bytes, data, len, s_key);
    memcpy(&hash, bytes, sizeof hash);
    return (uint32_t)(hash ^ hash >> 32);
}
