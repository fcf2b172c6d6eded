//! Puts the document together.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem, Paths};
use utoipa::openapi::schema::{Components, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, SecurityRequirement, Tag,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::facts::Facts;
use super::refusals;
use super::schemas::Error;
use super::words::{AUTH, CART, CATEGORIES, ORDERS, PAYMENTS, SLIPPERS, SYSTEM, USERS};
use crate::http::errors::Code;
use crate::ops::api::{API_TITLE, API_VERSION};

/// The key under which a type among the `responses` of an operation gives headers for its 200.
pub(crate) const HEADERS_OF_SUCCESS: &str = "headers of 200";
const BEARER: &str = "bearer";

const DESCRIPTION: &str = "A shop for slippers: the catalogue, carts, orders, users, and who may do what.\n\n\
    Every path is served with and without a slash at its end, and HEAD wherever GET is. \
    Unknown fields and query parameters are ignored; numbers and booleans may also be sent as text.\n\n\
    Money is soum as a number with at most two decimals. \
    Every answer has an `X-Request-ID`; every one that is not a success has the body `Error`.";

const TAGS: [(&str, &str); 8] = [
    (AUTH, "Signing in, staying signed in, and signing out."),
    (USERS, "One's own account, and for admins everybody's."),
    (CATEGORIES, "The shelves of the catalogue."),
    (SLIPPERS, "The products of the catalogue and their pictures."),
    (CART, "What a user is about to order. A user has one cart; it is made when it is first needed."),
    (ORDERS, "What was ordered. Times are minutes on a clock in Tashkent."),
    (
        PAYMENTS,
        "Buyers pay at OCTO, Payme and Click; these gateways call the shop, and admins look after both.",
    ),
    (SYSTEM, "Health, documents, and files."),
];

/// An operation as it was registered.
pub(crate) struct Registered {
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) paths: Paths,
    pub(crate) facts: Facts,
}

impl Registered {
    /// The operation's path.
    pub(crate) fn path(&self) -> String {
        self.paths.paths.keys().next().cloned().unwrap_or_default()
    }
}

/// The document under construction.
#[derive(Default)]
pub(crate) struct Document {
    paths: Paths,
    schemas: BTreeMap<String, RefOr<Schema>>,
    refusals: BTreeMap<String, Vec<Code>>,
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) facts: BTreeMap<String, Facts>,
}

impl Document {
    /// Takes an operation in.
    pub(crate) fn with(mut self, registered: Registered) -> Self {
        let Registered { schemas, paths, facts } = registered;
        self.schemas.extend(schemas);
        for (path, mut item) in paths.paths {
            let is_shared = operations_of(&mut item).count() > 1;
            for (method, operation) in operations_of(&mut item) {
                if let (true, Some(id)) = (is_shared, &mut operation.operation_id) {
                    // One handler of several methods: each is an operation of its own.
                    id.insert_str(0, method);
                }
                self.complete(&path, operation, facts);
                #[cfg(any(test, feature = "fuzzing"))]
                self.facts.insert(operation.operation_id.clone().unwrap_or_default(), facts);
            }
            self.paths.paths.entry(path).or_default().merge_operations(item);
        }
        self
    }

    /// Adds what the handler's arguments and the stack answer to what the handler itself does.
    fn complete(&mut self, path: &str, operation: &mut Operation, facts: Facts) {
        if let Some(roles) = facts.roles {
            operation.security = Some(vec![SecurityRequirement::new(BEARER, roles.iter().copied())]);
        }
        if let (Some(RefOr::T(body)), false) = (&mut operation.request_body, facts.checks_fields) {
            // Only the check insists on a body.
            body.required = Some(Required::False);
        }
        operation.parameters.iter_mut().flatten().for_each(without_a_width);
        let has_fields = operation.request_body.is_some() || parameters(operation).any(is_checked);
        let mut codes: Vec<Code> = facts.refusals.iter().copied().flatten().copied().collect();
        codes.extend((facts.checks_fields && has_fields).then_some(Code::Invalid));
        codes.extend(is_limited(path).then_some(Code::RateLimited));

        let mut answers = BTreeMap::new();
        let mut more_headers = BTreeMap::new();
        for (key, answer) in std::mem::take(&mut operation.responses.responses) {
            match (refusals::code_named(&key), answer) {
                (Some(code), _) => codes.push(code),
                (None, RefOr::T(answer)) if key == HEADERS_OF_SUCCESS => more_headers = answer.headers,
                (None, answer) => drop(answers.insert(key, answer)),
            }
        }
        for (status, answer) in &mut answers {
            if let (true, RefOr::T(answer)) = (status.starts_with('2'), answer) {
                answer.headers.append(&mut more_headers);
                if tells_limit(path) {
                    refusals::tell_limit(answer);
                }
            }
        }
        let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
        for code in codes {
            by_status.entry(code.status().to_string()).or_default().push(code);
        }
        for (status, codes) in by_status {
            // Where the handler describes its answer itself, that counts.
            answers.entry(status).or_insert_with(|| self.refusal(codes));
        }
        operation.responses.responses = answers;
    }

    /// The answer that stands for codes of one status; equal ones are written once.
    fn refusal(&mut self, mut codes: Vec<Code>) -> RefOr<Response> {
        codes.sort_unstable_by_key(|code| code.name());
        codes.dedup();
        let name = refusals::component_name(&codes);
        let reference = Ref::from_response_name(&name);
        self.refusals.insert(name, codes);
        RefOr::Ref(reference)
    }

    /// The document of all operations that were taken in.
    pub(crate) fn finish(self) -> OpenApi {
        let mut schemas = vec![(Error::name().into_owned(), Error::schema())];
        Error::schemas(&mut schemas);
        schemas.extend(self.schemas);
        let answers = self.refusals.iter().map(|(name, codes)| (name, refusals::response(codes)));
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The `access_token` of register, login or refresh."))
            .build();
        let mut components = Components::new();
        components.schemas = schemas.into_iter().collect();
        components.responses = answers.map(|(name, answer)| (name.clone(), answer.into())).collect();
        components.headers = refusals::common_headers().collect();
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
        let info = InfoBuilder::new().title(API_TITLE).version(API_VERSION).description(Some(DESCRIPTION));
        let tag = |(name, text): (&str, &str)| -> Tag {
            TagBuilder::new().name(name).description(Some(text)).build()
        };
        OpenApiBuilder::new()
            .info(info)
            .tags(Some(TAGS.map(tag)))
            .paths(self.paths)
            .components(Some(components))
            .build()
    }
}

/// The operations of a path, each with what its method puts in front of a shared id.
fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get_", &mut item.get),
        ("post_", &mut item.post),
        ("put_", &mut item.put),
        ("patch_", &mut item.patch),
        ("delete_", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

/// Takes the width from a parameter that is an integer: what does not fit counts as the nearest number that does.
fn without_a_width(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(schema))), .. }) = parameter
        && schema.schema_type == SchemaType::Type(Type::Integer)
    {
        schema.format = None;
    }
}

/// Whether a parameter is read by [`Check`](crate::http::input::Check); handlers look at headers by themselves.
fn is_checked(parameter: &Parameter) -> bool {
    matches!(parameter.parameter_in, ParameterIn::Path | ParameterIn::Query)
}

/// Whether answers tell where the client stands with its limit: not what is never counted, as the stack and the
/// default of `RATE_LIMIT_EXCLUDE_PATHS` have it.
fn tells_limit(path: &str) -> bool {
    !(path.starts_with("/static") || ["/docs", "/redoc", "/openapi.json"].contains(&path))
}

/// Whether a client may be over its limit: nobody is shut out from asking for health.
fn is_limited(path: &str) -> bool {
    tells_limit(path) && path != "/health" && !path.starts_with("/health/")
}
