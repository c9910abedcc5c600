"""The phone number client as far as listing goes, and what buying is answered; SIP routing."""

from azure.communication.phonenumbers import (
    PhoneNumberAssignmentType,
    PhoneNumberCapabilities,
    PhoneNumberCapabilityType,
    PhoneNumberType,
)
from azure.communication.phonenumbers.siprouting import SipTrunk, SipTrunkRoute

from checks import items, value

NOT_HERE = "OperationNotSupported"


async def run(report, clients):
    await numbers(report, clients.numbers())
    await sip_routing(report, clients.sip_routing())


async def numbers(report, client):
    held = await items(client.list_purchased_phone_numbers())
    report.check("numbers are listed", held and all(one.phone_number[0] == "+" for one in held))
    for one in held:
        found = await value(client.get_purchased_phone_number(one.phone_number))
        report.equal("each is found", found.id, one.id)
    await report.refused(
        "another is not", lambda: client.get_purchased_phone_number("+14255550199"), 404
    )
    countries = await items(client.list_available_countries())
    report.check("countries are listed", countries and countries[0].localized_name, countries)
    country = countries[0].country_code
    offerings = await items(client.list_available_offerings(country))
    report.check("kinds are listed", offerings and offerings[0].cost.amount == 0, offerings)
    for kind in (PhoneNumberType.GEOGRAPHIC, PhoneNumberType.TOLL_FREE):
        codes = await items(
            client.list_available_area_codes(
                country, kind, assignment_type=PhoneNumberAssignmentType.APPLICATION
            )
        )
        report.check(f"area codes of {kind.value} are listed", isinstance(codes, list), codes)
    localities = await items(client.list_available_localities(country))
    report.check("places are listed", isinstance(localities, list), localities)
    report.equal("a country without numbers", await items(client.list_available_offerings("IE")), [])
    number = held[0].phone_number
    for asked in (number, [number]):
        found = (await value(client.search_operator_information(asked))).values
        report.equal("of an operator, the number", [one.phone_number for one in found], [number])
    await report.refused(
        "two numbers at once", lambda: client.search_operator_information([number, number]), 400
    )
    report.equal("nothing is reserved", await items(client.list_reservations()), [])
    await report.refused(
        "no reservation",
        lambda: client.get_reservation("00000000-0000-4000-8000-000000000000"),
        404,
    )
    capabilities = PhoneNumberCapabilities(
        calling=PhoneNumberCapabilityType.INBOUND, sms=PhoneNumberCapabilityType.NONE
    )
    for name, call in {
        "a search": lambda: client.begin_search_available_phone_numbers(
            country,
            PhoneNumberType.TOLL_FREE,
            PhoneNumberAssignmentType.APPLICATION,
            capabilities,
            polling=True,
        ),
        "a purchase": lambda: client.begin_purchase_phone_numbers(
            "00000000-0000-4000-8000-000000000000"
        ),
        "a release": lambda: client.begin_release_phone_number(held[0].phone_number),
        "other capabilities": lambda: client.begin_update_phone_number_capabilities(
            held[0].phone_number, calling=PhoneNumberCapabilityType.INBOUND
        ),
        "browsing": lambda: client.browse_available_phone_numbers(
            country_code=country, phone_number_type=PhoneNumberType.TOLL_FREE
        ),
    }.items():
        await report.refused(f"{name} is refused", call, 400, NOT_HERE)


async def sip_routing(report, client):
    trunks = [SipTrunk(fqdn="sbc.contoso.example", sip_signaling_port=5061)]
    route = SipTrunkRoute(
        name="all", number_pattern=r"\+.*", trunks=["sbc.contoso.example"], description="d"
    )
    await value(client.set_routes([]))
    await value(client.set_trunks(trunks))
    found = await items(client.list_trunks())
    report.equal("trunks are kept", [(one.fqdn, one.sip_signaling_port) for one in found], [("sbc.contoso.example", 5061)])
    await value(client.set_routes([route]))
    found = await items(client.list_routes())
    report.equal("routes are kept", [(one.name, one.trunks) for one in found], [("all", ["sbc.contoso.example"])])
    await report.refused(
        "a route to an unknown trunk",
        lambda: client.set_routes(
            [SipTrunkRoute(name="r", number_pattern="x", trunks=["other.contoso.example"])]
        ),
        422,
    )
    await value(client.set_routes([]))
    await value(client.delete_trunk("sbc.contoso.example"))
    report.equal("trunks are removed", await items(client.list_trunks()), [])
