/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_PROGRAM_H
#define VIPRING_RUN_PROGRAM_H
/*
 * May this file be run as that user? Only if nobody but root and the user
 * could have put something else in its place: the file, every folder on the
 * way and every symbolic link among them belong to root or the user, and
 * neither group nor others may write there (a folder with the sticky bit, as
 * /tmp, is good enough: what lies in it can be replaced by its owner only).
 */
#include <stddef.h>
#include <sys/types.h>

#define PROGRAM_LINKS_MAX 16 /* symbolic links on the way */
#define PROGRAM_WHY_MAX 512

/**
 * Of any file: could nobody but root and the user have put something else in its place?
 * @param path    absolute
 * @param ret_why what is wrong with which part of the path; set on error
 * @return 0; -EPERM: somebody could; -errno of looking
 */
int program_verify_path(const char *path, uid_t user, char ret_why[static PROGRAM_WHY_MAX]);

/**
 * The same, and that it is a program.
 * @param path    absolute
 * @param ret_why what is wrong with which part of the path; set on error
 * @return 0; -EPERM: not trustworthy; -EACCES: not a program; else -errno of looking
 */
int program_verify(const char *path, uid_t user, char ret_why[static PROGRAM_WHY_MAX]);

#endif
