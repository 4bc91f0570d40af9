/* 64-bit hashes of words and bytes: for keys and canonical forms, equal on every
 * machine; no protection against an adversary. */
#ifndef EF_BASE_HASH_H
#define EF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Mixes one more word into a hash; the order of words matters. */
uint64_t ef_hash_word(uint64_t hash, uint64_t word);

/* Bytes, their length included. */
uint64_t ef_hash_bytes(uint64_t hash, const void *bytes, size_t size);

#endif
