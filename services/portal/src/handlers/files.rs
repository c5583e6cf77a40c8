//! Style sheets, scripts, the font, and each center's colours.
//!
//! Deliberately not here: which files there are (assets) and which colours may be (theme).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use crate::assets::CACHE_CONTROL;
use crate::theme::Theme;

/// A file by its hashed name.
pub async fn file(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    let Some(asset) = app.assets.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = HeaderValue::from_static(asset.content_type);
    let kept = HeaderValue::from_static(CACHE_CONTROL);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], asset.bytes.clone()).into_response()
}

/// A center's colours; ours where its own could not be read on a page.
pub async fn theme(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    let Some(center) = name.strip_suffix(".css").and_then(|center| app.centers.get(center)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let colours = &center.1.center.theme;
    let theme = Theme {
        brand: colours.brand.clone(),
        brand_dark: colours.brand_dark.clone(),
        wash: colours.brand_soft.clone(),
    };
    let css = theme.css().or_else(|fault| {
        tracing::warn!(center = center.1.center.id, %fault, "theme of a center is not used");
        Theme::default().css()
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        // A new profile changes it under the same name.
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60")),
    ];
    (headers, css.unwrap_or_default()).into_response()
}
