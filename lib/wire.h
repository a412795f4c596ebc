/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_WIRE_H
#define LIB_WIRE_H
/*
 * A cursor over bytes in network order whose error sticks: read or write
 * straight on, then look at `failed` once. A failed read returns zero and a
 * failed write changes nothing, so no caller can run past the buffer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
        uint8_t *bytes; /* not written by the get functions */
        size_t len;     /* capacity when writing, content when reading */
        size_t pos;
        bool failed; /* sticky: ran past len */
};

/** Start reading. The bytes are not copied. */
struct wire wire_reader(const void *bytes, size_t len);

/** Start writing into a caller's buffer. */
struct wire wire_writer(void *bytes, size_t len);

/** Bytes not read, or room not written, yet. */
size_t wire_left(const struct wire *w);

uint8_t wire_get_u8(struct wire *w);
uint16_t wire_get_be16(struct wire *w);
uint32_t wire_get_be32(struct wire *w);
void wire_get_bytes(struct wire *w, void *ret, size_t len);
void wire_skip(struct wire *w, size_t len);

void wire_put_u8(struct wire *w, uint8_t value);
void wire_put_be16(struct wire *w, uint16_t value);
void wire_put_be32(struct wire *w, uint32_t value);
void wire_put_bytes(struct wire *w, const void *bytes, size_t len);

/**
 * Internet checksum (RFC 1071) of a byte range, continued from `sum`.
 * An odd last byte counts as the high byte of a word.
 * @return the running sum; fold it with wire_sum_fold().
 */
uint32_t wire_sum(uint32_t sum, const void *bytes, size_t len);

/** One's complement of the folded sum, in host order. */
uint16_t wire_sum_fold(uint32_t sum);

#endif
