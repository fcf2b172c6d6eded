//! What stands on the reference page.

use serde_json::json;

use super::*;

/// A small shop in the words that utoipa writes, with every construct once.
fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Slippers Order System API", "version": "2.0.0", "description": "A shop of `slippers`.\n\nSecond paragraph."},
        "tags": [{"name": "Slippers", "description": "The catalogue."}, {"name": "Unused"}],
        "security": [],
        "paths": {
            "/orders/{order_id}": {
                "parameters": [{"name": "order_id", "in": "path", "required": true, "schema": {"type": "integer", "format": "int64"}}],
                "put": {
                    "tags": ["Orders"], "summary": "Change an order", "deprecated": true,
                    "description": "An owner may change `notes` and cancel while PENDING; an admin may record a manual payment.",
                    "security": [{"bearer": []}],
                    "requestBody": {"required": true, "content": {"application/json": {
                        "schema": {"$ref": "#/components/schemas/OrderChange"}, "example": {"status": "CANCELLED", "notes": "Too <small>"}}}},
                    "responses": {
                        "200": {"description": "The order as it is now", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                        "404": {"$ref": "#/components/responses/NotFound"}
                    }
                }
            },
            "/slippers/": {
                "get": {
                    "tags": ["Slippers"], "summary": "List slippers", "description": "A page of the catalogue, newest first.",
                    "parameters": [
                        {"name": "search", "in": "query", "description": "Part of a name; case does not matter.", "example": "home",
                         "schema": {"type": ["string", "null"], "maxLength": 100}},
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
                        {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["name", "price_asc", "price_desc"]}}
                    ],
                    "responses": {"200": {"description": "A page", "content": {"application/json": {"schema": {
                        "type": "object", "required": ["items", "total"], "properties": {
                            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Slipper"}},
                            "total": {"type": "integer", "format": "int64", "description": "In all pages"}}}}}}}
                },
                "post": {"tags": ["Slippers"], "summary": "Add a slipper", "security": [{"bearer": []}],
                    "requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object", "properties": {"image": {"type": "string", "format": "binary"}}}}}},
                    "responses": {"200": {"description": "The slipper"}}}
            },
            "/slippers/{id}": {"delete": {"tags": ["Slippers"], "responses": {"204": {"description": "Gone"}}}},
            "/health": {"get": {"summary": "Whether the shop is well", "responses": {}}}
        },
        "components": {
            "responses": {"NotFound": {"description": "There is no such thing", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
            "schemas": {
                "Slipper": {"type": "object", "required": ["id", "name", "price"], "properties": {
                    "id": {"type": "integer", "format": "int64"}, "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "price": {"type": "number", "description": "In soum, at most two decimals", "example": 25.5},
                    "images": {"type": "array", "items": {"type": "object", "properties": {"path": {"type": "string"}, "is_primary": {"type": "boolean"}}}}}},
                "Order": {"allOf": [{"$ref": "#/components/schemas/OrderChange"}, {"type": "object", "properties": {"total_amount": {"type": "number"}}}]},
                "OrderChange": {"type": "object", "properties": {"status": {"$ref": "#/components/schemas/OrderStatus"}, "notes": {"type": ["string", "null"]}}},
                "OrderStatus": {"type": "string", "enum": ["PENDING", "PAID", "REFUNDED", "CANCELLED"], "description": "Where an order stands."},
                "Error": {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}, "code": {"type": "string"}}}
            }
        }
    })
}

#[test]
fn operations_stand_under_their_tags_in_the_document_s_order() {
    let page = reference_page(&document());
    let main = page.split("<main").nth(1).expect("a main part");
    let headings: Vec<_> =
        main.split("<h2 id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(headings, ["tag-slippers", "tag-orders", "tag-other", "schemas"]);
    let articles: Vec<_> =
        main.split("<article id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(
        articles,
        [
            "get-slippers",
            "post-slippers",
            "delete-slippers-id",
            "put-orders-order-id",
            "get-health",
            "schema-Slipper",
            "schema-Order",
            "schema-OrderChange",
            "schema-OrderStatus",
            "schema-Error"
        ]
    );
}

#[test]
fn an_operation_tells_all_that_it_takes_and_gives() {
    let page = reference_page(&document());
    let start = page.find("<article id=\"put-orders-order-id\"").expect("the operation");
    let article = &page[start..start + page[start..].find("</article>").expect("its end")];
    assert!(page.matches("Needs authorization").count() == 2, "what is open says nothing");
    for part in [
        "PUT</span>",
        "<code class=\"path\">/orders/{order_id}</code>",
        "<p class=\"summary\">Change an order</p>",
        "may change <code>notes</code> and cancel",
        "Deprecated.",
        "Needs authorization: bearer.",
        "<code>order_id</code> <span class=\"must\">required</span></th><td>path</td><td>integer (int64)",
        "<h4>Body <span class=\"must\">required</span></h4>",
        "<code>application/json</code>: <a href=\"#schema-OrderChange\">OrderChange</a>",
        "&quot;notes&quot;: &quot;Too &lt;small&gt;&quot;",
        "<code>200</code></th><td><p>The order as it is now</p>",
        "<code>404</code></th><td><p>There is no such thing</p><div><code>application/json</code>: <a href=\"#schema-Error\"",
    ] {
        assert!(article.contains(part), "{part} in {article}");
    }
}

#[test]
fn every_link_on_the_page_leads_somewhere_and_every_anchor_is_one() {
    let page = reference_page(&document());
    let ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: HashSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    let mut links = 0;
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&target), "{target}");
        links += 1;
    }
    assert!(links > 20, "{links}");
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let page = reference_page(&document());
    for part in ["<script", "<link", "<img", "src=", "http:", "https:", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn text_from_a_document_is_never_markup() {
    let evil = "</style><script>alert('\"')</script>";
    let page = reference_page(&json!({
        "info": {"title": evil, "version": evil, "description": evil},
        "tags": [{"name": evil, "description": evil}],
        "security": [{evil: []}],
        "paths": {evil: {"get": {
            "tags": [evil], "summary": evil, "description": evil,
            "parameters": [{"name": evil, "in": evil, "description": evil, "example": evil}],
            "requestBody": {"description": evil, "content": {evil: {"example": evil}}},
            "responses": {evil: {"description": evil}}}}},
        "components": {"schemas": {evil: {"type": evil, "description": evil}}}
    }));
    assert!(!page.contains("<script") && page.matches("</style>").count() == 1, "{page}");
}

#[test]
fn odd_documents_give_a_page_too() {
    for odd in [
        json!(null),
        json!([]),
        json!({"paths": []}),
        json!({"paths": {"/a": {"get": null, "post": {"parameters": 1, "responses": [], "tags": "x"}}}}),
        json!({"paths": {"/a": {"$ref": "#/paths/~1a"}}}),
        json!({"paths": {"/a": {"get": {}}, "/{a}": {"get": {}}}}),
    ] {
        assert!(reference_page(&odd).ends_with("</html>\n"), "{odd}");
    }
}

#[test]
fn of_markdown_paragraphs_and_code_are_heard() {
    assert_eq!(prose("a `b<c` d\n\n\n\ne"), "<p>a <code>b&lt;c</code> d</p><p>e</p>");
    assert_eq!(prose("a ` b"), "<p>a ` b</p>");
    assert_eq!(prose("`a`"), "<p><code>a</code></p>");
    assert_eq!(prose(" \n\n "), "");
}
