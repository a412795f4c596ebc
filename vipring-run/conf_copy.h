/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_CONF_COPY_H
#define VIPRING_RUN_CONF_COPY_H
/*
 * This program's own reading of the configuration. vipd says by digest which
 * configuration it means; if it is another than the one read last, the file is
 * read again; the one before it is kept, for a reload still ends groups of that one. What vipd names
 * is looked up here, so vipd, which speaks to the network, cannot make this program run anything
 * the files do not name. As root it uses no file that somebody else than root may write.
 */
#include <stddef.h>

#include "lib/config.h"
#include "lib/mono.h"

#define CONF_COPY_WHY_MAX 768
#define CONF_COPY_AGAIN_US                                                                         \
        INT64_C(1000000) /* a file that looks unchanged is read at most so often */

struct conf_copy;

int conf_copy_new(struct conf_copy **ret, const char *path);
struct conf_copy *conf_copy_free(struct conf_copy *c);

/**
 * The configuration with this digest.
 * @param ret_config valid until the next call
 * @param ret_why    one line; set on error
 * @return 0; -ESTALE: the file holds another one; -EINVAL: the file is not valid; -ENOMEM
 */
int conf_copy_get(struct conf_copy *c, const char *digest, mono_t now,
                  const struct config **ret_config, char ret_why[static CONF_COPY_WHY_MAX]);

/** Digest of the configuration in use, or "none". */
const char *conf_copy_digest(const struct conf_copy *c);

#endif
