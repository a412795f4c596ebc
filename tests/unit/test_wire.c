/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "lib/wire.h"

static void reads_back_what_was_written(void **state)
{
        uint8_t bytes[16];
        struct wire w = wire_writer(bytes, sizeof(bytes));
        char text[3];

        wire_put_u8(&w, 0x12);
        wire_put_be16(&w, 0x3456);
        wire_put_be32(&w, 0x789abcde);
        wire_put_bytes(&w, "abc", 3);
        assert_false(w.failed);
        assert_int_equal(w.pos, 10);

        w = wire_reader(bytes, 10);
        assert_int_equal(wire_get_u8(&w), 0x12);
        assert_int_equal(wire_get_be16(&w), 0x3456);
        assert_int_equal(wire_get_be32(&w), 0x789abcde);
        wire_get_bytes(&w, text, 3);
        assert_memory_equal(text, "abc", 3);
        assert_int_equal(wire_left(&w), 0);
        assert_false(w.failed);
}

static void a_failed_read_returns_zero_and_sticks(void **state)
{
        const uint8_t bytes[3] = {1, 2, 3};
        struct wire w = wire_reader(bytes, sizeof(bytes));

        assert_int_equal(wire_get_be32(&w), 0);
        assert_true(w.failed);
        assert_int_equal(wire_get_u8(&w), 0); /* though a byte is there */
        assert_int_equal(wire_left(&w), 0);
}

static void a_failed_write_changes_nothing(void **state)
{
        uint8_t bytes[3] = {1, 2, 3};
        struct wire w = wire_writer(bytes, sizeof(bytes));

        wire_put_be32(&w, 0xffffffff);
        assert_true(w.failed);
        assert_memory_equal(bytes, "\1\2\3", 3);
}

/* RFC 1071, section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2. */
static void checksum_is_that_of_rfc_1071(void **state)
{
        const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
        const uint8_t odd[] = {0x01};

        assert_int_equal(wire_sum_fold(wire_sum(0, bytes, sizeof(bytes))), 0xffff & ~0xddf2);
        assert_int_equal(wire_sum_fold(wire_sum(0, odd, 1)), 0xffff & ~0x0100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_back_what_was_written),
                cmocka_unit_test(a_failed_read_returns_zero_and_sticks),
                cmocka_unit_test(a_failed_write_changes_nothing),
                cmocka_unit_test(checksum_is_that_of_rfc_1071),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
