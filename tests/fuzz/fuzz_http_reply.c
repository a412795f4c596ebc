/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes, in one piece and cut in two: no crash, the same decision, nothing out of range. */
#include <stdint.h>
#include <stdlib.h>

#include "vipd/core/http_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct http_reply whole = {0}, cut = {0};
        size_t at = size > 0 ? data[0] % (size + 1) : 0;

        http_reply_feed(&whole, data, size);
        http_reply_feed(&cut, data, at);
        http_reply_feed(&cut, data + at, size - at);

        if (whole.step != cut.step || whole.fault != cut.fault || whole.status != cut.status ||
            whole.total != cut.total)
                abort();
        if (whole.step == HTTP_REPLY_DONE && (whole.status < 101 || whole.status > 999))
                abort();
        if ((whole.step == HTTP_REPLY_FAULT) != (whole.fault != HTTP_REPLY_OK))
                abort();
        return 0;
}
