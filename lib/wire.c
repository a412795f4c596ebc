/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/wire.h"

#include <string.h>

struct wire wire_reader(const void *bytes, size_t len)
{
        return (struct wire){.bytes = (uint8_t *)(uintptr_t)bytes, .len = len};
}

struct wire wire_writer(void *bytes, size_t len)
{
        return (struct wire){.bytes = bytes, .len = len};
}

size_t wire_left(const struct wire *w)
{
        return w->failed ? 0 : w->len - w->pos;
}

/* The next `len` bytes, or NULL once the cursor has failed. */
static uint8_t *wire_take(struct wire *w, size_t len)
{
        uint8_t *at;

        if (w->failed || len > w->len - w->pos) {
                w->failed = true;
                return NULL;
        }
        at = w->bytes + w->pos;
        w->pos += len;
        return at;
}

uint8_t wire_get_u8(struct wire *w)
{
        const uint8_t *at = wire_take(w, 1);

        return at ? at[0] : 0;
}

uint16_t wire_get_be16(struct wire *w)
{
        const uint8_t *at = wire_take(w, 2);

        return at ? (uint16_t)(at[0] << 8 | at[1]) : 0;
}

uint32_t wire_get_be32(struct wire *w)
{
        const uint8_t *at = wire_take(w, 4);

        return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
                  : 0;
}

void wire_get_bytes(struct wire *w, void *ret, size_t len)
{
        const uint8_t *at = wire_take(w, len);

        if (at && len > 0)
                memcpy(ret, at, len);
        else if (len > 0)
                memset(ret, 0, len);
}

void wire_skip(struct wire *w, size_t len)
{
        wire_take(w, len);
}

void wire_put_u8(struct wire *w, uint8_t value)
{
        uint8_t *at = wire_take(w, 1);

        if (at)
                at[0] = value;
}

void wire_put_be16(struct wire *w, uint16_t value)
{
        uint8_t *at = wire_take(w, 2);

        if (at) {
                at[0] = (uint8_t)(value >> 8);
                at[1] = (uint8_t)value;
        }
}

void wire_put_be32(struct wire *w, uint32_t value)
{
        uint8_t *at = wire_take(w, 4);

        if (at) {
                at[0] = (uint8_t)(value >> 24);
                at[1] = (uint8_t)(value >> 16);
                at[2] = (uint8_t)(value >> 8);
                at[3] = (uint8_t)value;
        }
}

void wire_put_bytes(struct wire *w, const void *bytes, size_t len)
{
        uint8_t *at = wire_take(w, len);

        if (at && len > 0)
                memcpy(at, bytes, len);
}

uint32_t wire_sum(uint32_t sum, const void *bytes, size_t len)
{
        const uint8_t *b = bytes;

        for (size_t i = 0; i < len; i++) {
                sum += (i & 1) ? b[i] : (uint32_t)b[i] << 8;
                sum = (sum & 0xffff) + (sum >> 16);
        }
        return sum;
}

uint16_t wire_sum_fold(uint32_t sum)
{
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)~sum;
}
