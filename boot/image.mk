# SPDX-License-Identifier: GPL-2.0-only
# Boot loaders that gmmd serves, beside the images: grubnet.efi, GRUB for UEFI with what it takes to boot over the network and
# nothing else, and Debian's iPXE for BIOS machines whose cards have none.

GRUB_MODULES := efinet net tftp http multiboot2 configfile normal echo serial terminal test sleep reboot smbios regexp memdisk tar

$(O)/bare/grubnet.efi: boot/grub/embed.cfg boot/grub/netboot.cfg boot/grub/inventory.cfg boot/image.mk
	$(call say,GRUB,$@)
	$(Q)command -v grub-mkimage >/dev/null && test -d /usr/lib/grub/x86_64-efi || { echo "GRUB for UEFI is missing; run 'make setup' first" >&2; exit 1; }
	$(Q)mkdir -p $(O)/boot
	$(Q)cp boot/grub/netboot.cfg $(O)/boot/grub.cfg
	$(Q)cp boot/grub/inventory.cfg $(O)/boot/inventory.cfg
	$(Q)tar --format=ustar --owner=0 --group=0 --mtime=@0 -C $(O)/boot -cf $(O)/boot/memdisk.tar grub.cfg inventory.cfg
	$(Q)grub-mkimage -O x86_64-efi -p '(memdisk)/' -c boot/grub/embed.cfg -m $(O)/boot/memdisk.tar -o $@.new $(GRUB_MODULES)
	$(Q)mv $@.new $@

$(O)/bare/undionly.kpxe: /usr/lib/ipxe/undionly.kpxe
	$(Q)mkdir -p $(dir $@)
	$(Q)cp $< $@
/usr/lib/ipxe/undionly.kpxe:
	$(Q)echo "iPXE is missing; run 'make setup' first" >&2; exit 1
