// The phone number client as far as listing goes, and what buying is answered; SIP routing.

import { PhoneNumbersClient, SipRoutingClient, connectionString, items, noRetries } from "./checks.mjs";

const NOT_HERE = "OperationNotSupported";

export async function run(report) {
  await numbers(report, new PhoneNumbersClient(connectionString, noRetries));
  await sipRouting(report, new SipRoutingClient(connectionString, noRetries));
}

async function numbers(report, client) {
  const held = await items(client.listPurchasedPhoneNumbers());
  report.check("numbers are listed", held.length > 0 && held[0].phoneNumber.startsWith("+"), held);
  const found = await client.getPurchasedPhoneNumber(held[0].phoneNumber);
  report.equal("one is found", found.id, held[0].id);
  await report.refused("another is not", () => client.getPurchasedPhoneNumber("+14255550199"), 404);
  const [country] = await items(client.listAvailableCountries());
  report.check("countries are listed", country?.localizedName, country);
  const { countryCode } = country;
  report.check("kinds are listed", (await items(client.listAvailableOfferings(countryCode))).length > 0);
  const tollFree = await items(client.listAvailableTollFreeAreaCodes(countryCode));
  report.check("area codes are listed", Array.isArray(tollFree));
  await items(client.listAvailableGeographicAreaCodes(countryCode));
  await items(client.listAvailableLocalities(countryCode));
  report.equal("nothing is reserved", await items(client.listReservations()), []);
  const search = {
    countryCode, phoneNumberType: "tollFree", assignmentType: "application", quantity: 1,
    capabilities: { calling: "inbound", sms: "none" },
  };
  await report.refused("a search", () => client.beginSearchAvailablePhoneNumbers(search), 400, NOT_HERE);
  await report.refused("a purchase", () => client.beginPurchasePhoneNumbers("x"), 400, NOT_HERE);
  await report.refused("a release",
    () => client.beginReleasePhoneNumber(held[0].phoneNumber), 400, NOT_HERE);
}

async function sipRouting(report, client) {
  await client.setRoutes([]);
  await client.setTrunks([{ fqdn: "sbc.contoso.example", sipSignalingPort: 5061 }]);
  await client.setRoutes([{ name: "all", numberPattern: "\\+.*", trunks: ["sbc.contoso.example"] }]);
  const trunks = await items(client.listTrunks());
  report.equal("trunks are kept", trunks.map((one) => [one.fqdn, one.sipSignalingPort]),
    [["sbc.contoso.example", 5061]]);
  const routes = await items(client.listRoutes());
  report.equal("routes are kept", routes.map((one) => [one.name, one.trunks]), [["all", ["sbc.contoso.example"]]]);
  const [route] = routes;
  const cannotBe = "UnprocessableConfiguration";
  await report.refused("a missing trunk",
    () => client.setRoutes([{ ...route, trunks: ["other.contoso.example"] }]), 422, cannotBe);
  await report.refused("a route twice", () => client.setRoutes([route, route]), 400, cannotBe);
  await report.refused("a trunk twice in a route",
    () => client.setRoutes([{ ...route, trunks: [...route.trunks, ...route.trunks] }]), 400, cannotBe);
  await client.setRoutes([]);
  const three = ["z", "a", "m"].map((name) => `${name}.contoso.example`);
  await client.setTrunks(three.map((fqdn) => ({ fqdn, sipSignalingPort: 5061 })));
  report.equal("trunks keep their order", (await items(client.listTrunks())).map((one) => one.fqdn), three);
  await client.setTrunks([]);
  await client.setTrunk({ fqdn: "sbc.contoso.example", sipSignalingPort: 5061 });
  await client.deleteTrunk("sbc.contoso.example");
  report.equal("trunks are removed", await items(client.listTrunks()), []);
}
