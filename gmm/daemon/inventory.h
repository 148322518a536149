/* SPDX-License-Identifier: GPL-2.0-only */
/* What a machine says of itself when it asks for a boot script, as parameters of its request. All of it is a stranger's text. */
#ifndef PLENUM_GMM_INVENTORY_H
#define PLENUM_GMM_INVENTORY_H

#include "gmm/core/machine.h"

#define INVENTORY_DIMMS_MAX 32u			/* memory devices that it is asked about */
#define INVENTORY_SOCKETS_MAX 8u

/*
 * Take one parameter; unknown ones are ignored, and what makes no sense is as if it had not been told. In order: "dimms" before
 * "wide". The MAC is the caller's. Parameters:
 *
 *	uuid, manufacturer, product, serial, asset, processor, firmware, card	texts
 *	dimms	SMBIOS type 17, size, of each device: 4 hex digits, bytes as in the table (little-endian)
 *	wide	the same, extended size: 8 hex digits
 *	threads	SMBIOS type 4, thread count of each socket: 2 hex digits
 *		these three also in decimal, with a dot behind each number
 *	svm, vmx	yes or no
 *	svm_traits, vmx_traits	SMBIOS type 4, processor characteristics, in decimal with a dot behind, of a
 *		processor that has SVM, or VMX, if it has any virtualization
 *	told	1: these are all
 */
void inventory_take(struct gmm_inventory *inventory, const char *name, const char *value);
/* Names of all of them, in the order in which to take them; ends with NULL. */
extern const char *const inventory_names[];

#endif
