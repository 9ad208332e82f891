/* The hash of every table whose keys peers choose. It is SipHash (libsodium's crypto_shorthash) with a random key of
 * the process, so that nobody can prepare keys that collide. Include this, not uthash.h: it makes uthash use the hash,
 * and stop the program when memory is gone. */
#ifndef ZR_HASH_H
#define ZR_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Sets the process-wide key (16 bytes). Call it before the first table is made. Without it the key is all zero, as a
 * simulation needs. */
void zr_hash_seed(const uint8_t key[16]);

uint32_t zr_hash(const void *data, size_t len);

/* The same of a number that peers cannot choose (a route, a session's id), at a tenth of the cost: for uthash's
 * …_BYHASHVALUE. The key keeps those from being foretold that hang together by chance. */
uint32_t zr_hash_number(uint64_t number);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = zr_hash((keyptr), (keylen)))
#include <uthash.h>

#endif
