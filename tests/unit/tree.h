/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - the directory that a test with real files has to itself.
 */
#ifndef KVMTUNE_TEST_TREE_H
#define KVMTUNE_TEST_TREE_H

/* Removes it with all that is below. 0, or -1: something stayed. */
int remove_tree(const char *dir);

#endif
