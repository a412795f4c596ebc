/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPCTL_COMPLETE_H
#define VIPCTL_COMPLETE_H
#include "vipctl/vipctl.h"

/** Print what may follow `words`, the verb and operands so far. @return the exit code */
int complete(const struct options *o, int n, char **words);

#endif
