//! Bodies of phone numbers.

use serde::{Deserialize, Serialize};

use crate::config::{
    AdministrativeDivision, Capability, NumberAssignment, NumberType, VirtualNumber,
};

/// A number that the resource holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PurchasedNumberModel<'a> {
    id: &'a str,
    phone_number: &'a str,
    country_code: &'a str,
    phone_number_type: NumberType,
    capabilities: CapabilitiesModel,
    assignment_type: NumberAssignment,
    purchase_date: String,
    cost: CostModel,
}

impl<'a> From<&'a VirtualNumber> for PurchasedNumberModel<'a> {
    fn from(number: &'a VirtualNumber) -> Self {
        let phone_number = number.number.as_str();
        Self {
            id: phone_number.trim_start_matches('+'),
            phone_number,
            country_code: &number.country_code,
            phone_number_type: number.number_type,
            capabilities: number.into(),
            assignment_type: number.assignment,
            purchase_date: number.since.to_string(),
            cost: CostModel::NOTHING,
        }
    }
}

/// What a number can do.
#[derive(Clone, Copy, Eq, PartialEq, Serialize)]
pub(crate) struct CapabilitiesModel {
    calling: Capability,
    sms: Capability,
}

impl From<&VirtualNumber> for CapabilitiesModel {
    fn from(number: &VirtualNumber) -> Self {
        Self { calling: number.calling, sms: number.sms }
    }
}

/// What a number costs.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CostModel {
    amount: f64,
    currency_code: &'static str,
    billing_frequency: &'static str,
}

impl CostModel {
    /// Numbers here are configured, not sold.
    pub(crate) const NOTHING: Self =
        Self { amount: 0.0, currency_code: "USD", billing_frequency: "monthly" };
}

/// A country with numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountryModel {
    pub(crate) localized_name: String,
    pub(crate) country_code: String,
}

/// An area code with numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AreaCodeModel {
    pub(crate) area_code: String,
}

/// A place with numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LocalityModel<'a> {
    pub(crate) localized_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) administrative_division: Option<DivisionModel<'a>>,
}

/// A state or province of a place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DivisionModel<'a> {
    localized_name: &'a str,
    abbreviated_name: &'a str,
}

impl<'a> From<&'a AdministrativeDivision> for DivisionModel<'a> {
    fn from(division: &'a AdministrativeDivision) -> Self {
        Self { localized_name: &division.name, abbreviated_name: &division.abbreviation }
    }
}

/// `POST /operatorInformation/:search`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperatorRequest {
    pub(crate) phone_numbers: Vec<String>,
    #[serde(default)]
    pub(crate) options: Option<OperatorOptions>,
}

/// Whether to ask the operator too, which costs money with the documented service.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OperatorOptions {
    pub(crate) include_additional_operator_details: Option<bool>,
}

/// What a number says by itself, and what its operator says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperatorModel<'a> {
    pub(crate) phone_number: &'a str,
    pub(crate) international_format: &'a str,
    #[serde(flatten)]
    pub(crate) details: OperatorDetails,
}

/// What only operators know: null where it was not asked for, and left out where nobody knows it.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum OperatorDetails {
    Asked { number_type: &'static str },
    NotAsked { number_type: (), iso_country_code: (), operator_details: () },
}

/// A kind of number there is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfferingModel {
    pub(crate) phone_number_type: NumberType,
    pub(crate) assignment_type: NumberAssignment,
    pub(crate) available_capabilities: CapabilitiesModel,
    pub(crate) cost: CostModel,
}
