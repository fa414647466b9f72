// A program of a host that knows the API by its document alone: its types are generated from api/openapi.yaml
// (npm openapi-typescript), its requests are those of openapi-fetch. It closes a bay and opens it again, sets a price
// and reads what was sold. Its last line is "well".
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [base, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: `${base}/api/v1`, headers: { Authorization: `Bearer ${token}` } });

function must<T>(what: string, answer: { data?: T; error?: unknown; response: Response }): T {
	if (answer.data === undefined) {
		throw new Error(`${what}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
	}
	return answer.data;
}

function same<T>(what: string, got: T, want: T): void {
	if (got !== want) {
		throw new Error(`${what}: ${String(got)}, want ${String(want)}`);
	}
}

const bay = { params: { path: { bay: 2 } } };
const status: components["schemas"]["Status"] = must("status", await client.GET("/status"));
same("bays", status.bays.length, 2);
must("close", await client.POST("/bays/{bay}/close", bay));
same("fault", must("bay", await client.GET("/bays/{bay}", bay)).fault, "HO001");
must("open", await client.POST("/bays/{bay}/open", bay));
same("state", must("bay", await client.GET("/bays/{bay}", bay)).state, "free");

const tariff = structuredClone(must("tariffs", await client.GET("/tariffs"))[0].tariff) as {
	elements: { price_components: { price: number }[] }[];
};
tariff.elements[0].price_components[0].price = 0.59;
const order = { params: { header: { "Idempotency-Key": "price-1" } }, body: { tariff } };
must("tariff", await client.PUT("/tariff", order));
must("the same again", await client.PUT("/tariff", order));
same("price", JSON.stringify(must("tariffs", await client.GET("/tariffs"))[0].tariff).includes("0.59"), true);

const page = must("sessions", await client.GET("/sessions", { params: { query: { limit: 10 } } }));
for (const session of page.sessions) {
	const path = { params: { path: { reference: session.reference } } };
	same("session", must("session", await client.GET("/sessions/{reference}", path)).session_id, session.session_id);
	if (session.outcome === "sold") {
		const receipt = must("receipt", await client.GET("/sessions/{reference}/receipt", path));
		if (typeof receipt === "string") {
			throw new Error("a receipt of text was not asked for");
		}
		console.log(session.reference, session.energy_wh, receipt.paid.amount, receipt.paid.currency);
	}
}
const nothing = await client.GET("/bays/{bay}", { params: { path: { bay: 99 } } });
same("a bay that there is not", nothing.response.status, 404);
same("its problem", nothing.error?.status, 404);
console.log("well");
