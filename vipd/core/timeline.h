/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_TIMELINE_H
#define VIPD_CORE_TIMELINE_H

#endif
