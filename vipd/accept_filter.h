/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_ACCEPT_FILTER_H
#define VIPD_ACCEPT_FILTER_H

#endif
