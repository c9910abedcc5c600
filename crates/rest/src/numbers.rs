//! Phone numbers: those of the configuration are listed; nothing is searched for, bought or released.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::json;
use trunkline_ids::E164;

use crate::config::{NumberAssignment, NumberType, VirtualNumber};
use crate::error::ApiError;
use crate::model::numbers::{
    AreaCodeModel, CostModel, CountryModel, DivisionModel, LocalityModel, OfferingModel,
    OperatorDetails, OperatorModel, OperatorRequest, PurchasedNumberModel,
};
use crate::operation::NumberOperation;
use crate::paging::PageRequest;
use crate::reply::Reply;
use crate::request::Incoming;

/// Does what a resource asks of its numbers.
pub(crate) fn answer(
    operation: NumberOperation,
    numbers: &[VirtualNumber],
    request: &Incoming,
) -> Result<Reply, ApiError> {
    match operation {
        NumberOperation::BrowseAvailableNumbers
        | NumberOperation::CreateOrUpdateReservation
        | NumberOperation::PurchasePhoneNumbers
        | NumberOperation::PurchaseReservation
        | NumberOperation::ReleasePhoneNumber
        | NumberOperation::SearchAvailablePhoneNumbers
        | NumberOperation::UpdateCapabilities => Err(not_here()),
        NumberOperation::CancelNumberOperation | NumberOperation::GetNumberOperation => {
            Err(ApiError::not_found("There is no such operation."))
        }
        NumberOperation::DeleteReservation | NumberOperation::GetReservation => {
            Err(ApiError::not_found("There is no such reservation."))
        }
        NumberOperation::GetPhoneNumber => get(numbers, request),
        NumberOperation::GetSearchResult => Err(ApiError::not_found("There is no such search.")),
        NumberOperation::ListAreaCodes => area_codes(numbers, request),
        NumberOperation::ListAvailableCountries => countries(numbers, request),
        NumberOperation::ListAvailableLocalities => localities(numbers, request),
        NumberOperation::ListOfferings => offerings(numbers, request),
        NumberOperation::ListPhoneNumbers => list(numbers, request),
        NumberOperation::ListReservations => {
            page::<()>(request, "reservations", "maxPageSize", Vec::new())
        }
        NumberOperation::SearchOperatorInformation => operators(request),
    }
}

/// Lists the numbers of the resource.
fn list(numbers: &[VirtualNumber], request: &Incoming) -> Result<Reply, ApiError> {
    let numbers = numbers.iter().map(PurchasedNumberModel::from).collect();
    page(request, "phoneNumbers", "top", numbers)
}

/// Returns a number of the resource.
fn get(numbers: &[VirtualNumber], request: &Incoming) -> Result<Reply, ApiError> {
    let asked = request.parameter(0);
    let digits = asked.trim_start_matches('+');
    let found =
        numbers.iter().find(|number| number.number.as_str().strip_prefix('+') == Some(digits));
    let number = found.ok_or_else(|| {
        ApiError::not_found(format!("Input phoneNumber {asked} cannot be found."))
            .with_target("phonenumber")
    })?;
    Ok(Reply::json(StatusCode::OK, &PurchasedNumberModel::from(number)))
}

/// Lists the countries that the numbers belong to.
fn countries(numbers: &[VirtualNumber], request: &Incoming) -> Result<Reply, ApiError> {
    let codes: BTreeMap<&str, ()> =
        numbers.iter().map(|number| (number.country_code.as_str(), ())).collect();
    let countries = codes
        .into_keys()
        .map(|code| CountryModel {
            localized_name: country_name(code).to_owned(),
            country_code: code.to_owned(),
        })
        .collect();
    page(request, "countries", "maxPageSize", countries)
}

/// Lists the area codes of a country's numbers.
fn area_codes(numbers: &[VirtualNumber], request: &Incoming) -> Result<Reply, ApiError> {
    let codes: BTreeMap<&str, ()> = of_country(numbers, request)?
        .into_iter()
        .filter_map(area_code)
        .map(|code| (code, ()))
        .collect();
    let codes =
        codes.into_keys().map(|code| AreaCodeModel { area_code: code.to_owned() }).collect();
    page(request, "areaCodes", "maxPageSize", codes)
}

/// Lists the places of a country's numbers.
fn localities(numbers: &[VirtualNumber], request: &Incoming) -> Result<Reply, ApiError> {
    let places: BTreeSet<_> = of_country(numbers, request)?
        .into_iter()
        .filter_map(|number| {
            Some((number.locality.as_deref()?, number.administrative_division.as_ref()))
        })
        .collect();
    let localities = places
        .into_iter()
        .map(|(localized_name, division)| LocalityModel {
            localized_name,
            administrative_division: division.map(DivisionModel::from),
        })
        .collect();
    page(request, "phoneNumberLocalities", "maxPageSize", localities)
}

/// Lists the kinds of a country's numbers.
fn offerings(numbers: &[VirtualNumber], request: &Incoming) -> Result<Reply, ApiError> {
    let offerings: BTreeMap<_, OfferingModel> = of_country(numbers, request)?
        .into_iter()
        .map(|number| {
            let offering = OfferingModel {
                phone_number_type: number.number_type,
                assignment_type: number.assignment,
                available_capabilities: number.into(),
                cost: CostModel::NOTHING,
            };
            ((number.number_type, number.assignment, number.calling, number.sms), offering)
        })
        .collect();
    page(request, "phoneNumberOfferings", "maxPageSize", offerings.into_values().collect())
}

/// Says of one number what the number itself says. As there, one may be asked for at a time.
fn operators(request: &Incoming) -> Result<Reply, ApiError> {
    let OperatorRequest { phone_numbers, options } = request.json()?;
    let [phone_number] = &phone_numbers[..] else {
        return Err(ApiError::bad_request("Can only accept one phoneNumber"));
    };
    let number: E164 = phone_number.parse().map_err(|_| {
        ApiError::bad_request("A phone number is written as E.164 has it, such as +14255550123.")
            .with_target("phoneNumbers")
    })?;
    let wants_details =
        options.unwrap_or_default().include_additional_operator_details.unwrap_or_default();
    let value = OperatorModel {
        phone_number: number.as_str(),
        international_format: number.as_str(),
        details: match wants_details {
            true => OperatorDetails::Asked { number_type: "unknown" },
            false => OperatorDetails::NotAsked {
                number_type: (),
                iso_country_code: (),
                operator_details: (),
            },
        },
    };
    Ok(Reply::json(StatusCode::OK, &json!({ "values": [value] })))
}

/// Answers whatever would buy, reserve, change or release a number.
fn not_here() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "OperationNotSupported",
        "Not supported here: phone numbers of this exchange are set in its configuration.",
    )
}

/// Returns the numbers of the country of the path that the query does not leave out.
fn of_country<'a>(
    numbers: &'a [VirtualNumber],
    request: &Incoming,
) -> Result<Vec<&'a VirtualNumber>, ApiError> {
    let country = request.parameter(0);
    let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_code {
        return Err(ApiError::not_found("A country is named by two letters, such as `US`."));
    }
    let number_type = word(request, "phoneNumberType", number_type)?;
    let assignment = word(request, "assignmentType", assignment)?;
    let is_asked_for = |name: &'static str, own: Option<&str>| {
        let wanted = request.query.get(name);
        wanted.is_none_or(|wanted| own.is_some_and(|own| own.eq_ignore_ascii_case(wanted)))
    };
    Ok(numbers
        .iter()
        .filter(|number| number.country_code.eq_ignore_ascii_case(country))
        .filter(|number| number_type.is_none_or(|wanted| number.number_type == wanted))
        .filter(|number| assignment.is_none_or(|wanted| number.assignment == wanted))
        .filter(|number| is_asked_for("locality", number.locality.as_deref()))
        .filter(|number| {
            let division = number.administrative_division.as_ref();
            let own = division.map(|division| division.abbreviation.as_str());
            is_asked_for("administrativeDivision", own)
        })
        .collect())
}

fn word<T>(
    request: &Incoming,
    name: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let Some(text) = request.query.get(name) else {
        return Ok(None);
    };
    let refused = || ApiError::bad_request(format!("The value of `{name}` is not valid."));
    read(&text.to_ascii_lowercase()).map(Some).ok_or_else(|| refused().with_target(name))
}

fn number_type(lower: &str) -> Option<NumberType> {
    match lower {
        "geographic" => Some(NumberType::Geographic),
        "mobile" => Some(NumberType::Mobile),
        "tollfree" => Some(NumberType::TollFree),
        _ => None,
    }
}

fn assignment(lower: &str) -> Option<NumberAssignment> {
    match lower {
        "application" => Some(NumberAssignment::Application),
        "person" => Some(NumberAssignment::Person),
        _ => None,
    }
}

/// The North American plan has area codes of three digits; others differ by place and are left out.
fn area_code(number: &VirtualNumber) -> Option<&str> {
    number.number.as_str().strip_prefix("+1")?.get(..3)
}

/// Names of countries whose numbers are seen in examples; others are called by their code.
fn country_name(code: &str) -> &str {
    match code {
        "CA" => "Canada",
        "DE" => "Germany",
        "FR" => "France",
        "GB" => "United Kingdom",
        "US" => "United States",
        code => code,
    }
}

fn page<T: serde::Serialize>(
    request: &Incoming,
    member: &str,
    size: &'static str,
    all: Vec<T>,
) -> Result<Reply, ApiError> {
    let page = PageRequest::read(&request.query, size)?;
    let end = page.skip.saturating_add(page.limit);
    let has_more = all.len() > end;
    let items: Vec<T> = all.into_iter().skip(page.skip).take(page.limit).collect();
    let mut body = json!({ member: items });
    if has_more {
        let (skip, limit) = (end.to_string(), page.limit.to_string());
        body["nextLink"] = request.next_link(&[("skip", &skip), (size, &limit)]).into();
    }
    Ok(Reply::json(StatusCode::OK, &body))
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::Value;

    use super::*;
    use crate::request::tests::incoming;

    fn numbers() -> Vec<VirtualNumber> {
        serde_json::from_value(json!([
            {"number": "+14255550100", "country_code": "US", "calling": "inbound+outbound",
             "locality": "Seattle",
             "administrative_division": {"name": "Washington", "abbreviation": "WA"}},
            {"number": "+15035550100", "country_code": "US", "calling": "inbound+outbound",
             "locality": "Portland",
             "administrative_division": {"name": "Oregon", "abbreviation": "OR"}},
            {"number": "+18005550100", "country_code": "US", "number_type": "tollFree"},
            {"number": "+4930555010", "country_code": "DE"},
        ]))
        .unwrap()
    }

    fn ask(
        operation: impl Fn(&[VirtualNumber], &Incoming) -> Result<Reply, ApiError>,
        target: &str,
    ) -> Result<Value, u16> {
        operation(&numbers(), &incoming(&Method::GET, target, ""))
            .map(|reply| reply.value())
            .map_err(|error| error.status().as_u16())
    }

    #[test]
    fn configured_numbers_are_listed_page_by_page() {
        let first = ask(list, "/phoneNumbers?skip=0&top=2&api-version=2025-06-01").unwrap();
        assert_eq!(first["phoneNumbers"].as_array().unwrap().len(), 2);
        assert_eq!(first["phoneNumbers"][0]["id"], "14255550100");
        assert_eq!(first["phoneNumbers"][0]["capabilities"]["calling"], "inbound+outbound");
        assert_eq!(first["phoneNumbers"][1]["phoneNumberType"], "geographic");
        let link = "https://localhost:8443/phoneNumbers?skip=2&top=2&api-version=2025-06-01";
        assert_eq!(first["nextLink"], link);
        let last = ask(list, "/phoneNumbers?skip=2&top=2").unwrap();
        assert_eq!(last["phoneNumbers"][1]["phoneNumber"], "+4930555010");
        assert_eq!(last.get("nextLink"), None);
    }

    #[test]
    fn a_number_is_found_in_every_spelling() {
        for spelling in ["+14255550100", "%2B14255550100", "14255550100"] {
            let number = ask(get, &format!("/phoneNumbers/{spelling}")).unwrap();
            assert_eq!(number["phoneNumber"], "+14255550100");
        }
        for other in ["+14255550199", "911", "+", ""] {
            let request = incoming(&Method::GET, &format!("/phoneNumbers/{other}"), "");
            let error = get(&numbers(), &request).err().unwrap();
            let expected = format!("Input phoneNumber {other} cannot be found.");
            assert_eq!((error.status(), error.details().0), (StatusCode::NOT_FOUND, &*expected));
        }
    }

    #[test]
    fn countries_codes_places_and_kinds_come_from_the_numbers() {
        let found = ask(countries, "/availablePhoneNumbers/countries").unwrap();
        assert_eq!(found["countries"][0]["localizedName"], "Germany");
        let of_us = |what: &str| format!("/availablePhoneNumbers/countries/us/{what}");
        let codes = ask(area_codes, &of_us("areaCodes?phoneNumberType=tollFree")).unwrap();
        assert_eq!(codes["areaCodes"], json!([{"areaCode": "800"}]));
        let places = ask(localities, &of_us("localities")).unwrap();
        let [oregon, washington] = [("Oregon", "OR"), ("Washington", "WA")]
            .map(|(name, short)| json!({"localizedName": name, "abbreviatedName": short}));
        let [portland, seattle] = [("Portland", oregon), ("Seattle", washington)]
            .map(|(name, of)| json!({"localizedName": name, "administrativeDivision": of}));
        assert_eq!(places["phoneNumberLocalities"], json!([portland, seattle]));
        let places = ask(localities, &of_us("localities?administrativeDivision=wa")).unwrap();
        assert_eq!(places["phoneNumberLocalities"], json!([seattle]));
        for (query, expected) in [
            ("locality=Portland", json!([{"areaCode": "503"}])),
            ("locality=Seattle&administrativeDivision=WA", json!([{"areaCode": "425"}])),
            ("locality=Seattle&administrativeDivision=OR", json!([])),
        ] {
            let codes = ask(area_codes, &of_us(&format!("areaCodes?{query}"))).unwrap();
            assert_eq!(codes["areaCodes"], expected, "{query}");
        }
        let kinds = ask(offerings, &of_us("offerings?assignmentType=application")).unwrap();
        assert_eq!(kinds["phoneNumberOfferings"].as_array().unwrap().len(), 2);
        let person = ask(offerings, &of_us("offerings?assignmentType=person")).unwrap();
        assert_eq!(person["phoneNumberOfferings"], json!([]));
        assert_eq!(ask(offerings, &of_us("offerings?assignmentType=cat")), Err(400));
    }

    #[test]
    fn a_country_without_numbers_has_empty_lists() {
        type Listing = fn(&[VirtualNumber], &Incoming) -> Result<Reply, ApiError>;
        let lists: [(Listing, &str, &str); 3] = [
            (area_codes, "areaCodes", "areaCodes"),
            (localities, "localities", "phoneNumberLocalities"),
            (offerings, "offerings", "phoneNumberOfferings"),
        ];
        for (list, path, member) in lists {
            let of = |country: &str| format!("/availablePhoneNumbers/countries/{country}/{path}");
            assert_eq!(ask(list, &of("FR")), Ok(json!({ member: [] })));
            for other in ["FRA", "F", "1%C3%A9", "+1", ""] {
                assert_eq!(ask(list, &of(other)), Err(404), "{other:?}");
            }
        }
    }

    #[test]
    fn one_number_at_a_time_is_asked_of_its_operator() {
        let ask = |body: Value| {
            let target = "/operatorInformation/:search";
            operators(&incoming(&Method::POST, target, &body.to_string()))
                .map(|reply| reply.value())
                .map_err(|error| error.status().as_u16())
        };
        let number = "+14255550123";
        let expected = json!({"values": [{
            "phoneNumber": number, "internationalFormat": number,
            "numberType": null, "isoCountryCode": null, "operatorDetails": null,
        }]});
        let with = |said: Value| {
            let options = json!({"includeAdditionalOperatorDetails": said});
            ask(json!({"phoneNumbers": [number], "options": options}))
        };
        assert_eq!(ask(json!({"phoneNumbers": [number]})), Ok(expected.clone()));
        assert_eq!(with(json!(false)), Ok(expected));
        let expected = json!({"values": [{
            "phoneNumber": number, "internationalFormat": number, "numberType": "unknown",
        }]});
        assert_eq!(with(json!(true)), Ok(expected));
        for numbers in [json!([]), json!([number, number]), json!(["911"]), json!([""]), json!("")]
        {
            assert_eq!(ask(json!({"phoneNumbers": numbers})), Err(400), "{numbers}");
        }
    }
}
