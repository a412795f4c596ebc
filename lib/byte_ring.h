/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_BYTE_RING_H
#define LIB_BYTE_RING_H
/*
 * A bounded first-in first-out queue of records of any length over one piece
 * of the caller's memory: nothing is allocated, and a record fits whole or not
 * at all. Pure; locking is the caller's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct byte_ring {
        uint8_t *bytes;
        size_t size;
        size_t head; /* where the oldest record starts */
        size_t used; /* bytes in use, with the length in front of each record */
        unsigned records;
};

/** Bytes of the ring that one record takes beside its own. */
#define BYTE_RING_OVERHEAD sizeof(uint32_t)

/** The memory stays the caller's and must live as long as the ring. */
struct byte_ring byte_ring_over(void *bytes, size_t size);

/** Bytes free, overhead included. */
size_t byte_ring_room(const struct byte_ring *r);

/** Append the parts as one record. @return false, with nothing changed, if it does not fit */
bool byte_ring_put(struct byte_ring *r, const struct iovec *parts, unsigned n);

/**
 * Take the oldest record out.
 * @param size of `ret`; a longer record is cut to it (give room for the longest you put)
 * @return its length; 0 also when the ring is empty: ask `records` before
 */
size_t byte_ring_get(struct byte_ring *r, void *ret, size_t size);

#endif
