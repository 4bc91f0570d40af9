/* What the user's file calls a stored tensor, and how its elements lie there. */
#ifndef EF_FAULTSIM_SITE_H
#define EF_FAULTSIM_SITE_H

#include "faultsim/fault.h"

/* Gives a site of site->node's parameter, or of what belongs to one (its scales), name
 * and layout of the initialiser: <node>.bias where net has none of this role,
 * <node>.<role> where several share it.  The name is in buffer. */
void ef_site_name_parameter(ef_site *site, const ef_net *net, ef_role role,
                            char buffer[EF_PARAM_NAME_SIZE]);
/* The same for the output of site->node, or what belongs to it (its scales, the sums
 * that give it).  The name is in buffer, or net's. */
void ef_site_name_output(ef_site *site, const ef_net *net,
                         char buffer[EF_PARAM_NAME_SIZE]);

#endif
