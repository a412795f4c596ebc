/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "lib/byte_ring.h"

static bool put(struct byte_ring *r, const char *text)
{
        struct iovec part = {(void *)(uintptr_t)text, strlen(text)};

        return byte_ring_put(r, &part, 1);
}

/* 16 bytes hold two records of 4 + 4 bytes and nothing more, not even an empty one. */
static void a_record_fits_whole_or_not_at_all(void **state)
{
        uint8_t memory[16];
        struct byte_ring r = byte_ring_over(memory, sizeof(memory));
        char got[16];

        assert_true(put(&r, "abcd"));
        assert_false(put(&r, "efghi"));
        assert_int_equal(byte_ring_room(&r), 8);
        assert_true(put(&r, "efgh"));
        assert_false(put(&r, ""));
        assert_int_equal(byte_ring_get(&r, got, sizeof(got)), 4);
        assert_memory_equal(got, "abcd", 4);
        assert_int_equal(byte_ring_get(&r, got, sizeof(got)), 4);
        assert_memory_equal(got, "efgh", 4);
        assert_int_equal(r.records, 0);
        assert_int_equal(byte_ring_get(&r, got, sizeof(got)), 0);
}

static void a_record_longer_than_the_readers_room_is_cut_alone(void **state)
{
        uint8_t memory[32];
        struct byte_ring r = byte_ring_over(memory, sizeof(memory));
        char got[3];

        assert_true(put(&r, "abcdef"));
        assert_true(put(&r, "gh"));
        assert_int_equal(byte_ring_get(&r, got, sizeof(got)), 3);
        assert_memory_equal(got, "abc", 3);
        assert_int_equal(byte_ring_get(&r, got, sizeof(got)), 2);
        assert_memory_equal(got, "gh", 2);
}

/* Lengths 0..22 in a ring of 97 bytes: the ends meet at every offset; parts are joined. */
static void records_come_out_as_they_went_in_wherever_the_memory_ends(void **state)
{
        uint8_t memory[97], record[23], got[23];
        struct byte_ring r = byte_ring_over(memory, sizeof(memory));
        unsigned in = 0, out = 0;

        while (out < 20000) {
                size_t len = in % 23, half = len / 2;

                memset(record, (int)in, len);
                struct iovec parts[2] = {{record, half}, {record + half, len - half}};
                if (in < 20000 && byte_ring_put(&r, parts, 2)) {
                        in++;
                        continue;
                }
                assert_int_equal(byte_ring_get(&r, got, sizeof(got)), out % 23);
                for (size_t i = 0; i < out % 23; i++)
                        assert_int_equal(got[i], (uint8_t)out);
                out++;
        }
        assert_int_equal(r.used, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_fits_whole_or_not_at_all),
                cmocka_unit_test(a_record_longer_than_the_readers_room_is_cut_alone),
                cmocka_unit_test(records_come_out_as_they_went_in_wherever_the_memory_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
