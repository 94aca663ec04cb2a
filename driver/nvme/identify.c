// SPDX-License-Identifier: GPL-2.0
/*
 * Identify: what the controller and the namespace are.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "nvme.h"

#define MODEL			"mdevsim NVMe"
#define ONCS_SAVE_SELECT	BIT(4)
#define ONCS_VERIFY		BIT(7)
#define VWC_FLUSH_ALL		GENMASK(2, 1)
#define LPA_EXTENDED_DATA	BIT(2)
#define FRMW_ONE_SLOT_RO	GENMASK(1, 0)
#define NSFEAT_OPTPERF		BIT(4)
#define DLFEAT_READS_ZERO	BIT(0)
#define DLFEAT_WZ_DEALLOCATES	BIT(3)
#define BLOCKS_PER_PAGE		(MDEVSIM_EXTENT_ALIGN >> MDEVSIM_LBA_SHIFT)

/* Space padded, as ASCII fields are */
static void put_text(char *field, size_t size, const char *text)
{
	memcpy_and_pad(field, size, text, strlen(text), ' ');
}

static void put_subnqn(char *subnqn, size_t size, const u8 *nguid)
{
	snprintf(subnqn, size, "nqn.2014-08.org.nvmexpress:uuid:%08x-%04x-%04x-%04x-%04x%08x",
		 get_unaligned_be32(nguid), get_unaligned_be16(nguid + 4),
		 get_unaligned_be16(nguid + 6), get_unaligned_be16(nguid + 8),
		 get_unaligned_be16(nguid + 10), get_unaligned_be32(nguid + 12));
}

static u16 identify_ctrl(struct nvme_request *req, void *data)
{
	const struct nvme_controller *ctrl = req->sq->ctrl;
	struct nvme_id_ctrl *id = data;

	id->vid = cpu_to_le16(MDEVSIM_PCI_VENDOR);
	id->ssvid = cpu_to_le16(MDEVSIM_PCI_VENDOR);
	memcpy(id->sn, ctrl->names.serial, sizeof(id->sn));
	put_text(id->mn, sizeof(id->mn), MODEL);
	put_text(id->fr, sizeof(id->fr), NVME_FIRMWARE);
	id->rab = NVME_ARBITRATION_BURST;
	id->mdts = NVME_MDTS;
	id->cntlid = cpu_to_le16(1);
	id->ver = cpu_to_le32(ctrl->reg[NVME_REG_VS / 4]);
	id->oaes = cpu_to_le32(NVME_AEN_CFG_NS_ATTR);
	id->cntrltype = NVME_CTRL_IO;
	id->acl = 3;
	id->aerl = MDEVSIM_MAX_AERS - 1;
	id->frmw = FRMW_ONE_SLOT_RO;
	id->lpa = NVME_CTRL_LPA_CMD_EFFECTS_LOG | LPA_EXTENDED_DATA;
	id->elpe = MDEVSIM_MAX_ERROR_LOG - 1;
	id->wctemp = cpu_to_le16(NVME_TEMPERATURE_WARNING);
	id->cctemp = cpu_to_le16(NVME_TEMPERATURE_CRITICAL);
	id->sqes = NVME_NVM_IOSQES << 4 | NVME_NVM_IOSQES;
	id->cqes = NVME_NVM_IOCQES << 4 | NVME_NVM_IOCQES;
	id->nn = cpu_to_le32(NVME_NSID);
	id->oncs = cpu_to_le16(NVME_CTRL_ONCS_COMPARE | NVME_CTRL_ONCS_DSM |
			       NVME_CTRL_ONCS_WRITE_ZEROES | ONCS_SAVE_SELECT |
			       NVME_CTRL_ONCS_TIMESTAMP | ONCS_VERIFY);
	id->vwc = NVME_CTRL_VWC_PRESENT | VWC_FLUSH_ALL;
	put_subnqn(id->subnqn, sizeof(id->subnqn), ctrl->names.nguid);
	id->psd[0].max_power = cpu_to_le16(100);
	return NVME_SC_SUCCESS;
}

static u16 bad_nsid(struct nvme_request *req)
{
	req->location = offsetof(struct nvme_common_command, nsid);
	return NVME_SC_INVALID_NS;
}

static u16 identify_ns(struct nvme_request *req, void *data)
{
	const struct nvme_controller *ctrl = req->sq->ctrl;
	u64 blocks = READ_ONCE(ctrl->ns->size) >> MDEVSIM_LBA_SHIFT;
	struct nvme_id_ns *id = data;

	if (le32_to_cpu(req->cmd->common.nsid) != NVME_NSID)
		return bad_nsid(req);
	id->nsze = cpu_to_le64(blocks);
	id->ncap = cpu_to_le64(blocks);
	id->nuse = cpu_to_le64(nvme_namespace_used(ctrl->ns) >> MDEVSIM_LBA_SHIFT);
	id->nsfeat = NVME_NS_FEAT_THIN | NSFEAT_OPTPERF;
	id->dlfeat = DLFEAT_READS_ZERO | DLFEAT_WZ_DEALLOCATES;
	id->npwg = cpu_to_le16(BLOCKS_PER_PAGE - 1);
	id->npwa = cpu_to_le16(BLOCKS_PER_PAGE - 1);
	id->npdg = cpu_to_le16(BLOCKS_PER_PAGE - 1);
	id->npda = cpu_to_le16(BLOCKS_PER_PAGE - 1);
	id->nows = cpu_to_le16(BLOCKS_PER_PAGE - 1);
	memcpy(id->nguid, ctrl->names.nguid, sizeof(id->nguid));
	id->lbaf[0].ds = MDEVSIM_LBA_SHIFT;
	return NVME_SC_SUCCESS;
}

static u16 identify_ns_list(struct nvme_request *req, void *data)
{
	u32 after = le32_to_cpu(req->cmd->common.nsid);
	__le32 *list = data;

	if (after >= NVME_NSID_ALL - 1)
		return bad_nsid(req);
	if (after < NVME_NSID)
		list[0] = cpu_to_le32(NVME_NSID);
	return NVME_SC_SUCCESS;
}

static u16 identify_ns_descriptors(struct nvme_request *req, void *data)
{
	struct nvme_ns_id_desc *desc = data;

	if (le32_to_cpu(req->cmd->common.nsid) != NVME_NSID)
		return bad_nsid(req);
	desc->nidt = NVME_NIDT_NGUID;
	desc->nidl = NVME_NIDT_NGUID_LEN;
	memcpy(desc + 1, req->sq->ctrl->names.nguid, NVME_NIDT_NGUID_LEN);
	return NVME_SC_SUCCESS;
}

/* Fill in the zeroed data structure of one CNS */
static u16 (*const identify_fns[])(struct nvme_request *req, void *data) = {
	[NVME_ID_CNS_NS]		= identify_ns,
	[NVME_ID_CNS_CTRL]		= identify_ctrl,
	[NVME_ID_CNS_NS_ACTIVE_LIST]	= identify_ns_list,
	[NVME_ID_CNS_NS_DESC_LIST]	= identify_ns_descriptors,
};

u16 nvme_identify_execute(struct nvme_request *req)
{
	void *data __free(kfree) = NULL;
	u8 cns = req->cmd->identify.cns;
	u16 status;

	if (cns >= ARRAY_SIZE(identify_fns))
		return nvme_bad_field(req, offsetof(struct nvme_identify, cns));
	data = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	if (!data)
		return NVME_SC_INTERNAL;
	status = identify_fns[array_index_nospec(cns, ARRAY_SIZE(identify_fns))](req, data);
	if (status)
		return status;
	return nvme_prp_to_host(req, data, NVME_IDENTIFY_DATA_SIZE);
}
