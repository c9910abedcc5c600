//! `trunkline.admin.v1.AdminService`.

mod archive;
mod live_calls;

use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use trunkline_api::admin::v1::admin_service_server::AdminService;
use trunkline_api::convert;
use trunkline_api::convert::policy;
use trunkline_ids::TenantId;
use trunkline_node::{Admin as Administration, Node};
use trunkline_policy::{ObjectId, Tenant};
use trunkline_proto::admin::v1 as wire;

use crate::{auth, status};

/// Serves the administration of a node.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(crate) node: Node,
}

impl Admin {
    /// Lets a request through that carries a key of the exchange's own resource: the keys of other
    /// resources are their backends', who administer nothing but their own users.
    fn authorize(&self, metadata: &MetadataMap) -> Result<Administration, Status> {
        auth::require_own_access_key(&self.node, metadata)
    }

    /// Finds the tenant that a request names by GUID or name.
    fn tenant(&self, admin: &Administration, text: &str) -> Result<Tenant, Status> {
        let tenants = admin.tenants();
        let mut named = tenants.into_iter().filter(|tenant| {
            text.is_empty()
                || tenant.id.as_str().eq_ignore_ascii_case(text)
                || tenant.name.as_str() == text
        });
        match (named.next(), named.next()) {
            (Some(tenant), None) => Ok(tenant),
            (Some(_), Some(_)) => Err(Status::invalid_argument(
                "there are several such tenants: name one by its GUID",
            )),
            (None, _) => Err(status::not_found("tenant")),
        }
    }

    fn tenant_id(&self, admin: &Administration, text: &str) -> Result<TenantId, Status> {
        self.tenant(admin, text).map(|tenant| tenant.id)
    }

    fn describe(&self, admin: &Administration, tenant: &Tenant) -> Result<wire::Tenant, Status> {
        let federation = admin.federation(&tenant.id).map_err(status::admin)?;
        let federated = admin.federated_tenants(&tenant.id).map_err(status::admin)?;
        let users = admin.directory_users(&tenant.id).map_err(status::admin)?;
        Ok(wire::Tenant {
            tenant_id: tenant.id.to_string(),
            name: tenant.name.to_string(),
            federation: Some(policy::federation(&federation)),
            federated_tenants: federated.iter().map(ToString::to_string).collect(),
            directory_users: u32::try_from(users.len()).unwrap_or(u32::MAX),
        })
    }

    /// Makes what finds a user of a tenant by alias.
    fn by_alias(
        admin: &Administration,
        tenant: &TenantId,
    ) -> Result<impl FnOnce(&str) -> Option<ObjectId>, Status> {
        let users = admin.directory_users(tenant).map_err(status::admin)?;
        Ok(move |alias: &str| {
            users.into_iter().find(|user| user.alias.as_str() == alias).map(|user| user.object_id)
        })
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AdminService for Admin {
    type ExportThreadStream = archive::Records;
    type WatchLiveCallStream = live_calls::Events;

    async fn list_resources(
        &self,
        request: Request<wire::ListResourcesRequest>,
    ) -> Answer<wire::ListResourcesResponse> {
        self.authorize(request.metadata())?;
        let known = self.node.resources();
        let describe = |resource: &trunkline_policy::Resource| {
            known.keys(&resource.id).map(|keys| policy::resource(resource, &keys))
        };
        let resources = known.list().iter().filter_map(describe).collect();
        Ok(Response::new(wire::ListResourcesResponse { resources }))
    }

    async fn create_resource(
        &self,
        request: Request<wire::CreateResourceRequest>,
    ) -> Answer<wire::CreateResourceResponse> {
        let admin = self.authorize(request.metadata())?;
        let name = policy::parse("name", &request.into_inner().name).map_err(status::setting)?;
        let record = admin.create_resource(name).await.map_err(status::admin)?;
        Ok(Response::new(wire::CreateResourceResponse {
            resource: Some(policy::resource(&record.resource, &record.keys)),
            primary_key: record.keys.primary.to_base64(),
            secondary_key: record.keys.secondary.to_base64(),
        }))
    }

    async fn rotate_access_key(
        &self,
        request: Request<wire::RotateAccessKeyRequest>,
    ) -> Answer<wire::RotateAccessKeyResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let resource = match request.resource_id.as_str() {
            "" => self.node.identity().resource().clone(),
            text => policy::parse("resource_id", text).map_err(status::setting)?,
        };
        let keys = self.node.resources().keys(&resource);
        let keys = keys.ok_or_else(|| status::not_found("resource"))?;
        let slot = policy::parse_key_slot(request.slot).map_err(status::setting)?;
        let slot = slot.unwrap_or_else(|| keys.oldest());
        let fresh = admin.rotate_key(&resource, slot).await.map_err(status::admin)?;
        Ok(Response::new(wire::RotateAccessKeyResponse {
            slot: policy::key_slot(slot).into(),
            access_key: fresh.to_base64(),
        }))
    }

    async fn list_tenants(
        &self,
        request: Request<wire::ListTenantsRequest>,
    ) -> Answer<wire::ListTenantsResponse> {
        let admin = self.authorize(request.metadata())?;
        let tenants = admin.tenants();
        let tenants = tenants.iter().map(|tenant| self.describe(&admin, tenant));
        let tenants = tenants.collect::<Result<_, _>>()?;
        Ok(Response::new(wire::ListTenantsResponse { tenants }))
    }

    async fn get_tenant(
        &self,
        request: Request<wire::GetTenantRequest>,
    ) -> Answer<wire::GetTenantResponse> {
        let admin = self.authorize(request.metadata())?;
        let tenant = self.tenant(&admin, &request.into_inner().tenant)?;
        let tenant = Some(self.describe(&admin, &tenant)?);
        Ok(Response::new(wire::GetTenantResponse { tenant }))
    }

    async fn set_tenant(
        &self,
        request: Request<wire::SetTenantRequest>,
    ) -> Answer<wire::SetTenantResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = Tenant {
            id: policy::parse("tenant_id", &request.tenant_id).map_err(status::setting)?,
            name: policy::parse("name", &request.name).map_err(status::setting)?,
        };
        admin.put_tenant(tenant.clone()).await.map_err(status::admin)?;
        let tenant = Some(self.describe(&admin, &tenant)?);
        Ok(Response::new(wire::SetTenantResponse { tenant }))
    }

    async fn list_directory_users(
        &self,
        request: Request<wire::ListDirectoryUsersRequest>,
    ) -> Answer<wire::ListDirectoryUsersResponse> {
        let admin = self.authorize(request.metadata())?;
        let tenant = self.tenant_id(&admin, &request.into_inner().tenant)?;
        let users = admin.directory_users(&tenant).map_err(status::admin)?;
        let users = users.iter().map(policy::directory_user).collect();
        Ok(Response::new(wire::ListDirectoryUsersResponse { users }))
    }

    async fn set_directory_user(
        &self,
        request: Request<wire::SetDirectoryUserRequest>,
    ) -> Answer<wire::SetDirectoryUserResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let user = request.directory_user.unwrap_or_default();
        let user = policy::parse_directory_user(&user).map_err(status::setting)?;
        let directory_user = Some(policy::directory_user(&user));
        admin.put_directory_user(&tenant, user).await.map_err(status::admin)?;
        Ok(Response::new(wire::SetDirectoryUserResponse { directory_user }))
    }

    async fn delete_directory_user(
        &self,
        request: Request<wire::DeleteDirectoryUserRequest>,
    ) -> Answer<wire::DeleteDirectoryUserResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let user = policy::parse_user(&request.user, Self::by_alias(&admin, &tenant)?);
        let user = user.map_err(status::setting)?;
        admin.delete_directory_user(&tenant, &user).await.map_err(status::admin)?;
        Ok(Response::new(wire::DeleteDirectoryUserResponse {}))
    }

    async fn get_federation(
        &self,
        request: Request<wire::GetFederationRequest>,
    ) -> Answer<wire::GetFederationResponse> {
        let admin = self.authorize(request.metadata())?;
        let tenant = self.tenant_id(&admin, &request.into_inner().tenant)?;
        let federation = admin.federation(&tenant).map_err(status::admin)?;
        let federation = Some(policy::federation(&federation));
        Ok(Response::new(wire::GetFederationResponse { federation }))
    }

    async fn set_federation(
        &self,
        request: Request<wire::SetFederationRequest>,
    ) -> Answer<wire::SetFederationResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let mut config = admin.federation(&tenant).map_err(status::admin)?;
        policy::apply_federation(&mut config, &request).map_err(status::setting)?;
        let federation = Some(policy::federation(&config));
        admin.set_federation(&tenant, config).await.map_err(status::admin)?;
        Ok(Response::new(wire::SetFederationResponse { federation }))
    }

    async fn set_federated_tenants(
        &self,
        request: Request<wire::SetFederatedTenantsRequest>,
    ) -> Answer<wire::SetFederatedTenantsResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let others = request.federated_tenants.iter();
        let others = others.map(|id| policy::parse("federated_tenants", id));
        let others = others.collect::<Result<_, _>>().map_err(status::setting)?;
        admin.set_federated_tenants(&tenant, others).await.map_err(status::admin)?;
        Ok(Response::new(wire::SetFederatedTenantsResponse {}))
    }

    async fn list_external_access(
        &self,
        request: Request<wire::ListExternalAccessRequest>,
    ) -> Answer<wire::ListExternalAccessResponse> {
        let admin = self.authorize(request.metadata())?;
        let tenant = self.tenant_id(&admin, &request.into_inner().tenant)?;
        let access = admin.external_access(&tenant).map_err(status::admin)?;
        Ok(Response::new(wire::ListExternalAccessResponse {
            policies: access.policies().map(policy::external_access_policy).collect(),
            grants: access.grants().map(policy::grant).collect(),
        }))
    }

    async fn set_external_access_policy(
        &self,
        request: Request<wire::SetExternalAccessPolicyRequest>,
    ) -> Answer<wire::SetExternalAccessPolicyResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let wanted = request.policy.unwrap_or_default();
        let wanted = policy::parse_external_access_policy(&wanted).map_err(status::setting)?;
        admin.put_external_access(&tenant, wanted).await.map_err(status::admin)?;
        Ok(Response::new(wire::SetExternalAccessPolicyResponse {}))
    }

    async fn delete_external_access_policy(
        &self,
        request: Request<wire::DeleteExternalAccessPolicyRequest>,
    ) -> Answer<wire::DeleteExternalAccessPolicyResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let name = policy::parse("identity", &request.identity).map_err(status::setting)?;
        admin.delete_external_access(&tenant, &name).await.map_err(status::admin)?;
        Ok(Response::new(wire::DeleteExternalAccessPolicyResponse {}))
    }

    async fn grant_external_access_policy(
        &self,
        request: Request<wire::GrantExternalAccessPolicyRequest>,
    ) -> Answer<wire::GrantExternalAccessPolicyResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let wanted = request.grant.unwrap_or_default();
        let find = Self::by_alias(&admin, &tenant)?;
        let grant = trunkline_policy::Grant {
            assignee: policy::parse_assignee(wanted.assignee.as_ref(), find)
                .map_err(status::setting)?,
            policy: policy::parse("policy", &wanted.policy).map_err(status::setting)?,
            rank: wanted.rank,
        };
        admin.grant_external_access(&tenant, grant).await.map_err(status::admin)?;
        Ok(Response::new(wire::GrantExternalAccessPolicyResponse {}))
    }

    async fn revoke_external_access_policy(
        &self,
        request: Request<wire::RevokeExternalAccessPolicyRequest>,
    ) -> Answer<wire::RevokeExternalAccessPolicyResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let find = Self::by_alias(&admin, &tenant)?;
        let assignee = policy::parse_assignee(request.assignee.as_ref(), find);
        let assignee = assignee.map_err(status::setting)?;
        admin.revoke_external_access(&tenant, &assignee).await.map_err(status::admin)?;
        Ok(Response::new(wire::RevokeExternalAccessPolicyResponse {}))
    }

    async fn list_segments(
        &self,
        request: Request<wire::ListSegmentsRequest>,
    ) -> Answer<wire::ListSegmentsResponse> {
        let admin = self.authorize(request.metadata())?;
        let tenant = self.tenant_id(&admin, &request.into_inner().tenant)?;
        let barriers = admin.barriers(&tenant).map_err(status::admin)?;
        let segments = barriers.segments().map(policy::segment).collect();
        Ok(Response::new(wire::ListSegmentsResponse { segments }))
    }

    async fn set_segment(
        &self,
        request: Request<wire::SetSegmentRequest>,
    ) -> Answer<wire::SetSegmentResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let segment = request.segment.unwrap_or_default();
        let segment = policy::parse_segment(&segment).map_err(status::setting)?;
        admin.put_segment(&tenant, segment).await.map_err(status::admin)?;
        Ok(Response::new(wire::SetSegmentResponse {}))
    }

    async fn delete_segment(
        &self,
        request: Request<wire::DeleteSegmentRequest>,
    ) -> Answer<wire::DeleteSegmentResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let tenant = self.tenant_id(&admin, &request.tenant)?;
        let segment = policy::parse("segment_id", &request.segment_id).map_err(status::setting)?;
        admin.delete_segment(&tenant, &segment).await.map_err(status::admin)?;
        Ok(Response::new(wire::DeleteSegmentResponse {}))
    }

    async fn explain_policy(
        &self,
        request: Request<wire::ExplainPolicyRequest>,
    ) -> Answer<wire::ExplainPolicyResponse> {
        let admin = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let identity = self.node.identity();
        let resolve =
            |field, text: &str| identity.resolve_target(text).map_err(|_| status::malformed(field));
        let (from, to) = (resolve("from", &request.from)?, resolve("to", &request.to)?);
        let explanation = admin.explain(&from, &to);
        Ok(Response::new(wire::ExplainPolicyResponse {
            from: Some(convert::identifier(&explanation.from)),
            to: Some(convert::identifier(&explanation.to)),
            call: Some(policy::decision(&explanation.call)),
            chat: Some(policy::decision(&explanation.chat)),
        }))
    }

    async fn export_thread(
        &self,
        request: Request<wire::ExportThreadRequest>,
    ) -> Answer<Self::ExportThreadStream> {
        self.authorize(request.metadata())?;
        archive::export(self.node.chat(), &request.into_inner().thread_id).await.map(Response::new)
    }

    async fn import_thread(
        &self,
        request: Request<Streaming<wire::ImportThreadRequest>>,
    ) -> Answer<wire::ImportThreadResponse> {
        self.authorize(request.metadata())?;
        archive::import(self.node.chat(), request.into_inner()).await.map(Response::new)
    }

    async fn list_live_calls(
        &self,
        request: Request<wire::ListLiveCallsRequest>,
    ) -> Answer<wire::ListLiveCallsResponse> {
        self.authorize(request.metadata())?;
        let calls = self.node.live_calls().list().await;
        Ok(Response::new(wire::ListLiveCallsResponse { calls }))
    }

    async fn get_live_call(
        &self,
        request: Request<wire::GetLiveCallRequest>,
    ) -> Answer<wire::GetLiveCallResponse> {
        self.authorize(request.metadata())?;
        let call = self.node.live_calls().get(&request.into_inner().call_id).await;
        let call = Some(call.map_err(status::calling)?);
        Ok(Response::new(wire::GetLiveCallResponse { call }))
    }

    async fn watch_live_call(
        &self,
        request: Request<wire::WatchLiveCallRequest>,
    ) -> Answer<Self::WatchLiveCallStream> {
        self.authorize(request.metadata())?;
        let events = live_calls::watch(&self.node.live_calls(), request.into_inner()).await?;
        Ok(Response::new(events))
    }

    async fn end_live_call(
        &self,
        request: Request<wire::EndLiveCallRequest>,
    ) -> Answer<wire::EndLiveCallResponse> {
        self.authorize(request.metadata())?;
        let ended = self.node.live_calls().end(&request.into_inner().call_id).await;
        ended.map_err(status::calling)?;
        Ok(Response::new(wire::EndLiveCallResponse {}))
    }
}
